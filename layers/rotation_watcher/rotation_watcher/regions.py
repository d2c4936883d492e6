"""The catalogue of Genesys Cloud regions, as data.

Source: names marked ``name_is_proven`` are in Genesys' help article "mTLS support for data actions". The others follow
the pattern of their neighbours and are assumed, so the watcher learns the name from the first accepted certificate
instead of enforcing a guess. A region that is not
listed works with ``api_url``, ``login_url`` and ``client_name`` given in the watch file.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Region(msgspec.Struct, frozen=True):
    """One Genesys Cloud region. ``client_name`` is the DNS name in the client certificate that it presents."""

    aws_region: str
    api_host: str
    login_host: str
    client_name: str | None
    name_is_proven: bool

    @property
    def api_url(self) -> str:
        """The base URL of the platform API."""
        return f"https://{self.api_host}"

    @property
    def login_url(self) -> str:
        """The base URL of the OAuth token endpoint."""
        return f"https://{self.login_host}"


_TABLE = (
    Region(
        "us-east-1",
        "api.mypurecloud.com",
        "login.mypurecloud.com",
        "dataactions.prod.us-east-1.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "us-east-2",
        "api.use2.us-gov-pure.cloud",
        "login.use2.us-gov-pure.cloud",
        "dataactions.fedramp-use2-core.us-east-2.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "us-west-2",
        "api.usw2.pure.cloud",
        "login.usw2.pure.cloud",
        "dataactions.prod-usw2.us-west-2.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "ca-central-1",
        "api.cac1.pure.cloud",
        "login.cac1.pure.cloud",
        "dataactions.prod-cac1.ca-central-1.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "sa-east-1",
        "api.sae1.pure.cloud",
        "login.sae1.pure.cloud",
        "dataactions.prod-sae1.sa-east-1.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "mx-central-1",
        "api.mxc1.pure.cloud",
        "login.mxc1.pure.cloud",
        "dataactions.prod-mxc1.mx-central-1.mypurecloud.com",
        name_is_proven=False,
    ),
    Region(
        "eu-west-1",
        "api.mypurecloud.ie",
        "login.mypurecloud.ie",
        "dataactions.prod-euw1.eu-west-1.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "eu-west-2",
        "api.euw2.pure.cloud",
        "login.euw2.pure.cloud",
        "dataactions.prod-euw2.eu-west-2.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "eu-central-1",
        "api.mypurecloud.de",
        "login.mypurecloud.de",
        "dataactions.prod-euc1.eu-central-1.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "eu-central-2",
        "api.euc2.pure.cloud",
        "login.euc2.pure.cloud",
        "dataactions.prod-euc2.eu-central-2.mypurecloud.com",
        name_is_proven=True,
    ),
    Region("eusc-de-east-1", "api.edee1.eusc-pure.cloud", "login.edee1.eusc-pure.cloud", None, name_is_proven=False),
    Region(
        "me-central-1",
        "api.mec1.pure.cloud",
        "login.mec1.pure.cloud",
        "dataactions.prod-mec1.me-central-1.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "ap-south-1",
        "api.aps1.pure.cloud",
        "login.aps1.pure.cloud",
        "dataactions.prod-aps1.ap-south-1.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "ap-southeast-1",
        "api.apse1.pure.cloud",
        "login.apse1.pure.cloud",
        "dataactions.prod-apse1.ap-southeast-1.mypurecloud.com",
        name_is_proven=False,
    ),
    Region(
        "ap-southeast-2",
        "api.mypurecloud.com.au",
        "login.mypurecloud.com.au",
        "dataactions.prod-apse2.ap-southeast-2.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "ap-northeast-1",
        "api.mypurecloud.jp",
        "login.mypurecloud.jp",
        "dataactions.prod-apne1.ap-northeast-1.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "ap-northeast-2",
        "api.apne2.pure.cloud",
        "login.apne2.pure.cloud",
        "dataactions.prod-apne2.ap-northeast-2.mypurecloud.com",
        name_is_proven=True,
    ),
    Region(
        "ap-northeast-3",
        "api.apne3.pure.cloud",
        "login.apne3.pure.cloud",
        "dataactions.prod-apne3.ap-northeast-3.mypurecloud.com",
        name_is_proven=True,
    ),
)

REGIONS: Mapping[str, Region] = MappingProxyType({region.aws_region: region for region in _TABLE})
"""Every known region by its AWS region name."""
