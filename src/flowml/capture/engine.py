"""The only door to NFStream's compiled engine: its functions' addresses and its structures' layout.

Everything here is private to NFStream, so nothing is believed: signatures, field names and field types are
compared with those that the meter was written for, and a difference is one error that names it.
"""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowml.errors import CaptureError

_PACKET, _FLOW, _DISSECTOR = "struct nf_packet *", "struct nf_flow *", "struct ndpi_detection_module_struct *"
FUNCTIONS = {
    "capture_next": f"int(*)(struct pcap *, {_PACKET}, int, int, uint64_t, int)",
    "meter_initialize_flow": (
        f"{_FLOW}(*)({_PACKET}, uint8_t, uint8_t, uint16_t, uint8_t, {_DISSECTOR}, uint8_t)"
    ),
    "meter_update_flow": (
        f"uint8_t(*)({_FLOW}, {_PACKET}, uint64_t, uint64_t, uint8_t, uint8_t, uint16_t, uint8_t, "
        f"{_DISSECTOR}, uint8_t)"
    ),
    "meter_expire_flow": f"void(*)({_FLOW}, uint8_t, {_DISSECTOR})",
    "meter_free_flow": f"void(*)({_FLOW}, uint8_t, uint16_t, uint8_t)",
    "capture_open": "struct pcap *(*)(char *, int, char *, int)",
    "capture_set_fanout": "int(*)(struct pcap *, int, char *, int)",
    "capture_set_promisc": "int(*)(struct pcap *, int, char *, int)",
    "capture_set_snaplen": "int(*)(struct pcap *, int, char *, unsigned int)",
    "capture_set_filter": "int(*)(struct pcap *, char *, char *)",
    "capture_activate": "int(*)(struct pcap *, int, char *)",
    "capture_stats": "void(*)(struct pcap *, struct nf_stat *, unsigned int)",
    "capture_close": "void(*)(struct pcap *)",
    "dissector_init": f"{_DISSECTOR}(*)(struct dissector_checker *)",
    "dissector_configure": f"void(*)({_DISSECTOR})",
    "dissector_cleanup": f"void(*)({_DISSECTOR})",
}
LOOP_FUNCTIONS = (*tuple(FUNCTIONS)[:5], "capture_close")  # those that the C loop calls
# public functions of the nDPI and the libpcap inside the engine, with the types that their headers give them
LIBRARY_FUNCTIONS = ("ndpi_calloc", "ndpi_flow_free", "pcap_dispatch", "pcap_fopen_offline", "pcap_datalink")

PACKET_FIELDS = {
    "time": "uint64_t", "direction": "uint8_t", "src_ip": "uint64_t[2]", "dst_ip": "uint64_t[2]",
    "src_port": "uint16_t", "dst_port": "uint16_t", "protocol": "uint8_t", "vlan_id": "uint16_t",
    "tunnel_id": "unsigned int", "payload_size": "uint16_t",
}  # fmt: skip

_PCAP_ERROR_BYTES = 256  # PCAP_ERRBUF_SIZE
_NUMBERS = {"uint8_t": "u1", "uint16_t": "u2", "unsigned int": "u4", "uint64_t": "u8", "double": "f8"}
_TIMES = ("first_seen_ms", "last_seen_ms", "duration_ms", "packets", "bytes")
_SPANS = ("bidirectional", "src2dst", "dst2src")
_FLAGS = ("syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin")
FLOW_FIELDS = {
    "src_ip_str": "char[48]", "dst_ip_str": "char[48]", "src_port": "uint16_t", "dst_port": "uint16_t",
    "protocol": "uint8_t", "vlan_id": "uint16_t", "tunnel_id": "unsigned int",
    **{f"{span}_{name}": "uint64_t" for span in _SPANS for name in _TIMES},
    **{f"{span}_{limit}_ps": "uint16_t" for span in _SPANS for limit in ("min", "max")},
    **{f"{span}_{limit}_piat_ms": "uint64_t" for span in _SPANS for limit in ("min", "max")},
    **{f"{span}_{name}_ps": "double" for span in _SPANS for name in ("mean", "stddev")},
    **{f"{span}_{name}_piat_ms": "double" for span in _SPANS for name in ("mean", "stddev")},
    **{f"{span}_{flag}_packets": "uint64_t" for span in _SPANS for flag in _FLAGS},
    "splt_direction": "int8_t *", "splt_ps": "int32_t *", "splt_piat_ms": "int64_t *",
    "detection_completed": "uint8_t", "ndpi_flow": "struct ndpi_flow_struct *",
    "application_name": "char[40]", "requested_server_name": "char[80]",
}  # fmt: skip


@dataclass(frozen=True)
class EngineLayout:
    """What the C loop must know of the engine.

    Attributes
    ----------
    addresses : mapping of str to int
        Address of each of `LOOP_FUNCTIONS` and `LIBRARY_FUNCTIONS`.
    packet_bytes : int
        Size of struct nf_packet.
    packet_offsets, flow_offsets : mapping of str to int
        Offset of each field in its structure.
    record : numpy.dtype
        struct nf_flow as far as records need it, from its begin.
    """

    addresses: Mapping[str, int]
    packet_bytes: int
    packet_offsets: Mapping[str, int]
    flow_offsets: Mapping[str, int]
    record: np.dtype[np.void]


class Engine:
    """NFStream's engine, after all comparisons.

    Raises
    ------
    CaptureError
        It is not the engine that the meter was written for.
    """

    def __init__(self) -> None:
        try:  # not through nfstream's package, which imports pandas and more
            import _lib_engine
        except ImportError as error:
            raise CaptureError(
                f"NFStream's engine cannot be loaded: {error}; install nfstream again"
            ) from None
        self.ffi, self.library = _lib_engine.ffi, _lib_engine.lib
        # nDPI and libpcap are inside it, with their public functions
        self._exported = ctypes.CDLL(_lib_engine.__file__)
        self._require_functions()
        self.layout = EngineLayout(
            addresses={
                name: int(self.ffi.cast("uintptr_t", self.ffi.addressof(self.library, name)))
                for name in LOOP_FUNCTIONS
            }
            | self._library_addresses(),
            packet_bytes=self.ffi.sizeof("struct nf_packet"),
            packet_offsets=self._offsets("struct nf_packet", PACKET_FIELDS),
            flow_offsets=self._offsets("struct nf_flow", FLOW_FIELDS)
            | {"app_protocol": self._app_protocol()},
            record=self._record(),
        )

    def pcap_set_timeout(self, handle: Any, timeout_ms: int) -> int:
        """Let the kernel wait at most so long before it hands packets over; 0 is success."""
        return int(self._public("pcap_set_timeout")(self._pointer(handle), timeout_ms))

    def pcap_file(self, handle: Any) -> ctypes.c_void_p:
        """The C library's stream of a capture file that is open."""
        function = self._public("pcap_file")
        function.restype = ctypes.c_void_p
        return ctypes.c_void_p(function(self._pointer(handle)))

    def ndpi_set_config(self, dissector: Any, protocol: str, parameter: str, value: str) -> None:
        """Set one of nDPI's options, of a protocol or ("") of all of it.

        Raises
        ------
        CaptureError
            nDPI does not know it.
        """
        names = (protocol.encode() or None, parameter.encode(), value.encode())
        if self._public("ndpi_set_config")(self._pointer(dissector), *names):
            raise _another(f"an nDPI without the option {protocol} {parameter}".replace("  ", " "), "one")

    def pcap_datalink(self, handle: Any) -> int:
        """The link layer of an active capture (DLT_*)."""
        return int(self._public("pcap_datalink")(self._pointer(handle)))

    def pcap_setnonblock(self, handle: Any) -> None:
        """Let reading from an active capture give nothing where there is nothing, instead of waiting."""
        error = ctypes.create_string_buffer(_PCAP_ERROR_BYTES)
        if self._public("pcap_setnonblock")(self._pointer(handle), 1, error):
            raise CaptureError(f"libpcap cannot read without waiting: {error.value.decode(errors='replace')}")

    def _public(self, name: str) -> Any:
        try:
            return getattr(self._exported, name)
        except AttributeError:
            raise _another(f"no exported function {name}", "one") from None

    def _pointer(self, handle: Any) -> ctypes.c_void_p:
        return ctypes.c_void_p(int(self.ffi.cast("uintptr_t", handle)))

    def _require_functions(self) -> None:
        for name, expected in FUNCTIONS.items():
            if not hasattr(self.library, name):
                raise _another(f"no function {name}", expected)
            found = self.ffi.typeof(self.ffi.addressof(self.library, name)).cname
            if found != expected:
                raise _another(f"{name} as {found}", expected)

    def _library_addresses(self) -> dict[str, int]:
        return {
            name: ctypes.cast(self._public(name), ctypes.c_void_p).value or 0 for name in LIBRARY_FUNCTIONS
        }

    def _offsets(self, structure: str, expected: Mapping[str, str]) -> dict[str, int]:
        fields = dict(self.ffi.typeof(structure).fields)
        for name, kind in expected.items():
            if name not in fields:
                raise _another(f"no {structure}.{name}", kind)
            if fields[name].type.cname != kind:
                raise _another(f"{structure}.{name} as {fields[name].type.cname}", kind)
        return {name: fields[name].offset for name in expected}

    def _app_protocol(self) -> int:
        """Offset of nDPI's number of the application, three structures deep; 0 in it is unknown."""
        kind, offset = self.ffi.typeof("struct nf_flow"), 0
        for name in ("detected_protocol", "proto", "app_protocol"):
            fields = dict(kind.fields)
            if name not in fields:
                raise _another(f"no {kind.cname}.{name}", "nDPI's number of the application")
            kind, offset = fields[name].type, offset + fields[name].offset
        if kind.cname != "uint16_t":
            raise _another(f"app_protocol as {kind.cname}", "uint16_t")
        return int(offset)

    def _record(self) -> np.dtype[np.void]:
        """The fields of struct nf_flow that are numbers or text."""
        offsets = self._offsets("struct nf_flow", FLOW_FIELDS)
        left_out = ("splt_direction", "splt_ps", "splt_piat_ms", "detection_completed", "ndpi_flow")
        kinds = {name: _dtype(kind) for name, kind in FLOW_FIELDS.items() if name not in left_out}
        last = max(kinds, key=lambda name: offsets[name])
        end = offsets[last] + np.dtype(kinds[last]).itemsize
        return np.dtype(
            {
                "names": list(kinds),
                "formats": list(kinds.values()),
                "offsets": [offsets[name] for name in kinds],
                "itemsize": (end + 7) // 8 * 8,
            }
        )


def _another(got: str, expected: str) -> CaptureError:
    from importlib.metadata import version

    return CaptureError(
        f"nfstream {version('nfstream')} has another engine: {got}, expected {expected}; "
        "install the release that flowml names (pip install flowml)"
    )


def _dtype(kind: str) -> str:
    return f"S{kind[5:-1]}" if kind.startswith("char[") else _NUMBERS[kind]
