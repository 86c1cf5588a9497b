"""The table of servers: a line for each, drawn anew only where it differs, in columns that share the width there is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.rows import Row, glyph, tone, words
from handstamp.tui.said import cell
from handstamp.words import one_line

__all__ = ["COLUMNS", "SORTED_BY", "ServersTable", "share"]

COLUMNS = ("", "Server", "Status", "Account", "Renews")
SORTED_BY = {"Server": "name", "Status": "status", "Account": "account", "Renews": "renewal"}
GIVES = ("Account", "Server")
"""Which columns are cut where not all fit, the first first."""
NARROWEST = 10
LONGEST = 40
PADDING = 2
SCROLLBAR = 1


def share(natural: Mapping[str, int], width: int) -> dict[str, int]:
    """The widths of columns that want `natural`: all of it where there is room, else `GIVES` give way down to `NARROWEST`."""
    widths = dict(natural)
    for column in GIVES:
        over = sum(widths.values()) + PADDING * len(widths) + SCROLLBAR - width
        if over > 0:
            widths[column] = max(min(NARROWEST, widths[column]), widths[column] - over)
    return widths


class ServersTable(DataTable[Text]):
    """`show` the rows. A click on the name of a column is told as any `DataTable` does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("g", "scroll_top", "First", show=False),
        Binding("G", "scroll_bottom", "Last", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", cursor_foreground_priority="renderable")
        self._shown: dict[str, tuple[Text, ...]] = {}
        self._widths: dict[str, int] = {}

    @property
    def key_under_cursor(self) -> str | None:
        if not self.row_count:
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def show(self, rows: Sequence[Row], now: float, colors: Mapping[str, str], room: int) -> int:
        """In `room` columns; gives how many of them it takes. The cursor stays on its server, wherever that is now."""
        values = {row.key: _values(row, now) for row in rows}
        widths = share(_natural(values.values()), room)
        cells = {row.key: _cells(row, values[row.key], widths, colors) for row in rows}
        if list(cells) != list(self._shown) or widths != self._widths:
            self._fill(cells, widths)
        else:
            self._mend(cells)
        self._shown, self._widths = cells, widths
        return sum(widths.values()) + PADDING * len(widths) + SCROLLBAR

    def choose(self, key: str) -> None:
        """Puts the cursor there."""
        if key in self._shown:
            self.move_cursor(row=self.get_row_index(key))

    def _fill(self, cells: Mapping[str, Sequence[Text]], widths: Mapping[str, int]) -> None:
        kept = self.key_under_cursor
        self.clear(columns=True)
        for column, width in widths.items():
            self.add_column(column, key=column, width=width)
        for key, line in cells.items():
            self.add_row(*line, key=key)
        if kept is not None and kept in cells:
            self.move_cursor(row=self.get_row_index(kept))

    def _mend(self, cells: Mapping[str, Sequence[Text]]) -> None:
        for key, line in cells.items():
            for column, before, after in zip(COLUMNS, self._shown[key], line, strict=True):
                if (before.plain, before.style) != (after.plain, after.style):
                    self.update_cell(key, column, after)


def _values(row: Row, now: float) -> tuple[str, ...]:
    status = row.state.status
    said = (row.key, words(status), row.account_words(), row.renewal_words(now))
    return (glyph(status), *(one_line(each, LONGEST) for each in said))


def _natural(lines: Iterable[Sequence[str]]) -> dict[str, int]:
    known = [COLUMNS, *lines]
    return {column: max(1, *(cell_len(line[place]) for line in known)) for place, column in enumerate(COLUMNS)}


def _cells(row: Row, values: Sequence[str], widths: Mapping[str, int], colors: Mapping[str, str]) -> tuple[Text, ...]:
    status = row.state.status
    style = "dim" if status is ConnectionStatus.DISABLED else colors.get(tone(status), "")
    styles = (style, "", style, "", "")
    return tuple(cell(value, look, limit=width) for value, look, width in zip(values, styles, widths.values(), strict=True))
