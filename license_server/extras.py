"""Parts of the package that are installed on their own, as pyproject.toml names them."""

from license_core.errors import LicenseError
from license_core.problem import Problem


class ExtraMissingError(LicenseError):
    """What was asked for needs packages that are not installed."""

    row = Problem(
        "extra-missing",
        168,
        "A part of the program is not installed",
        "This needs the extra “{extra}”, which is not installed ({package} is missing).",
        "Nothing was changed. Run `{python} -m pip install 'hostseal[{extra}]'`, then try again.",
    )

    extra: str
    package: str
    python: str
    """The interpreter that runs this."""
