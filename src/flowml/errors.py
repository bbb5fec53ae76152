"""What an operator can meet: every error of flowml that is not a programmer's mistake.

Each message says what was wrong, what was got, what was expected and what to do. The command line turns any
of them into one line on standard error and exit code 2.
"""


class FlowmlError(Exception):
    """Something an operator can meet and mend."""


class CaptureError(FlowmlError):
    """A capture file or an interface cannot be metered as asked."""


class DataError(FlowmlError):
    """A data set, flow table or manifest is not what it should be."""


class ModelError(FlowmlError):
    """A model bundle or registry entry cannot be used."""


class ConfigError(FlowmlError):
    """A setting is unknown, of the wrong unit or out of range."""


class SinkError(FlowmlError):
    """An alert or a result could not be delivered."""


class LabError(FlowmlError):
    """The traffic lab cannot be set up or a recording failed."""
