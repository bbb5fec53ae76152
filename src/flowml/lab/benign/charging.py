"""Charging stations of electric cars: calls and their results as JSON over WebSocket (OCPP 1.6).

A station calls with [2, id, action, payload] and hears [3, id, payload]: a heartbeat every 30 to 900 s,
values of its meters every 10 to 60 s while a car charges, states when they change. The back office starts,
stops and limits charging, and the station confirms at once. Either side may ping.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from flowml.lab.actor import Actor, Parameters, over_tls
from flowml.lab.benign import websocket
from flowml.lab.rhythm import pause_s, together

if TYPE_CHECKING:
    from numpy.random import Generator
    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection

    from flowml.lab.site import Site

_CALL, _RESULT = 2, 3
_TIME = "2026-03-01T12:00:00Z"
_MEASURANDS = ("Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage", "SoC")


def _draw(rng: Generator) -> Parameters:
    return {
        "heartbeat_s": float(rng.choice([30.0, 60.0, 60.0, 300.0, 900.0])),
        "values_s": float(rng.choice([10.0, 15.0, 30.0, 60.0])),
        "n_values": int(rng.integers(1, len(_MEASURANDS) + 1)),
        "car_s": float(rng.choice([60.0, 300.0, 1200.0])),
        "away_s": float(rng.choice([30.0, 300.0])),
        "order_s": float(rng.choice([60.0, 300.0, 900.0])),
        "id_digits": int(rng.choice([4, 10, 32])),
        "ping_s": float(rng.choice([0.0, 20.0, 54.0, 60.0])),
    }


def call(action: str, payload: dict[str, Any], n_digits: int, rng: Generator) -> str:
    """Build a call."""
    return json.dumps([_CALL, rng.bytes(n_digits // 2).hex(), action, payload], separators=(",", ":"))


def result(asked: list[Any], payload: dict[str, Any]) -> str:
    """Build the result of a call."""
    return json.dumps([_RESULT, asked[1], payload], separators=(",", ":"))


def values(n_values: int, rng: Generator) -> dict[str, Any]:
    """Draw what a meter shows."""
    sampled = [
        {"value": f"{rng.uniform(0.0, 30000.0):.1f}", "measurand": measurand, "context": "Sample.Periodic"}
        for measurand in _MEASURANDS[:n_values]
    ]
    return {
        "connectorId": 1,
        "transactionId": 1207,
        "meterValue": [{"timestamp": _TIME, "sampledValue": sampled}],
    }


async def _serve(site: Site, rng: Generator) -> None:
    drawn = site.parameters

    async def attend(station: ServerConnection) -> None:
        await together(_confirm_calls(station), _order(station))

    async def _order(station: ServerConnection) -> None:
        limit = {"connectorId": 1, "csChargingProfiles": {"chargingProfileId": 1, "stackLevel": 0}}
        while True:
            await asyncio.sleep(rng.exponential(drawn["order_s"]))
            orders = (("SetChargingProfile", limit), ("TriggerMessage", {"requestedMessage": "MeterValues"}))
            action, payload = orders[rng.integers(len(orders))]
            await station.send(call(action, payload, drawn["id_digits"], rng))

    await websocket.listen(site, attend, drawn["ping_s"] or None)


async def _confirm_calls(station: ServerConnection) -> None:
    async for said in station:
        message = json.loads(said)
        if message[0] == _CALL:
            await station.send(result(message, {"currentTime": _TIME} if message[2] == "Heartbeat" else {}))


async def _visit(site: Site, rng: Generator) -> None:
    drawn = site.parameters
    async with websocket.connected(site, f"/ocpp/{rng.bytes(5).hex()}") as office:
        boot = {"chargePointVendor": "example", "chargePointModel": "AC22", "firmwareVersion": "1.4.2"}
        await office.send(call("BootNotification", boot, drawn["id_digits"], rng))
        await together(_obey(office), _beat(office, drawn, rng), _charge(office, drawn, rng))


async def _obey(office: ClientConnection) -> None:
    while True:
        message = json.loads(await office.recv())
        if message[0] == _CALL:
            await office.send(result(message, {"status": "Accepted"}))


async def _beat(office: ClientConnection, drawn: Parameters, rng: Generator) -> None:
    while True:
        await asyncio.sleep(pause_s(float(drawn["heartbeat_s"]), "steady", rng))
        await office.send(call("Heartbeat", {}, int(drawn["id_digits"]), rng))


async def _charge(office: ClientConnection, drawn: Parameters, rng: Generator) -> None:
    """Let a car come, charge and go, again and again."""
    n_digits = int(drawn["id_digits"])
    while True:
        for status in ("Preparing", "Charging"):
            state = {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": _TIME}
            await office.send(call("StatusNotification", state, n_digits, rng))
        for _ in range(1 + int(rng.exponential(float(drawn["car_s"])) / float(drawn["values_s"]))):
            await asyncio.sleep(float(drawn["values_s"]))
            await office.send(call("MeterValues", values(int(drawn["n_values"]), rng), n_digits, rng))
        await asyncio.sleep(rng.exponential(float(drawn["away_s"])))


_CHARGING = Actor("charging-station", "iot", _draw, _serve, _visit, ports=(80, 8080, 9000), clients=(2, 6))
ACTORS = (_CHARGING, over_tls(_CHARGING, (443, 9443)))
