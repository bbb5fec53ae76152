import csv
import io
from dataclasses import replace

import numpy as np

from flowml.datasets.labels import LabelledObservations
from flowml.evaluation.evasions import (
    draw_evasions,
    empty_cells,
    evasion_cells,
    evasions_csv,
    render_evasions,
)
from flowml.evaluation.metrics import Share
from tests.labelled import small_data_set


def hiding() -> LabelledObservations:
    """Miners of which every second one pads its messages inside TLS."""
    labelled = small_data_set()
    pads = labelled.is_mining & (labelled.connection % 2 == 0)
    return replace(
        labelled,
        carrier=np.where(pads, "tls", labelled.carrier),
        evasion=np.where(pads, "padding", "none"),
        strength=np.where(pads, "strong", "none"),
        lasted_s=np.full(len(labelled), 400.0),
    )


def test_a_cell_counts_the_connections_of_its_miners_alone() -> None:
    labelled = hiding()
    plain, padding = evasion_cells(labelled, (labelled.evasion == "none").astype(float), 0.9)
    if plain.evasion != "none":
        plain, padding = padding, plain
    n = len(np.unique(labelled.connection[labelled.is_mining]))
    assert plain.found.hits == plain.found.total
    assert padding.found == Share(0, padding.found.total)
    assert plain.found.total + padding.found.total == n
    assert (padding.family, padding.carrier, padding.strength) == ("monero", "tls", "strong")


def test_what_is_found_after_ten_minutes_is_not_found_in_time() -> None:
    labelled = hiding()
    late = replace(labelled.observations, reported_s=np.full(len(labelled), 900.0))
    cells = evasion_cells(replace(labelled, observations=late), np.ones(len(labelled)), 0.9)
    assert all(cell.found.hits == 0 for cell in cells)
    assert all(cell.miners.hits == cell.miners.total for cell in cells)


def test_csv_has_a_line_a_cell_and_no_delay_where_none_was_found() -> None:
    labelled = hiding()
    cells = evasion_cells(labelled, np.zeros(len(labelled)), 0.9)
    rows = list(csv.DictReader(io.StringIO(evasions_csv(cells))))
    assert len(rows) == len(cells)
    assert {row["delay_median_s"] for row in rows} == {""}
    assert {row["recall"] for row in rows} == {"0.000"}


def test_cells_without_a_connection_are_named() -> None:
    labelled = hiding()
    cells = evasion_cells(labelled, np.ones(len(labelled)), 0.9)
    assert empty_cells(cells) == [("none", "none", "tls"), ("padding", "strong", "plain")]


def test_those_who_do_not_hide_stand_first() -> None:
    labelled = hiding()
    cells = evasion_cells(labelled, np.ones(len(labelled)), 0.9)
    table = render_evasions(cells)
    assert table[2].startswith("| none | none |")
    assert table[3].startswith("| padding | strong |")
    rows = draw_evasions(cells).axes[0].get_yticklabels()
    assert [row.get_text() for row in rows] == ["none", "padding, strong"]
