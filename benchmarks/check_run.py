"""What ``benchmarks.check`` measures: one of the two, and as its last word the most memory that it held, in MB."""

import json
import os
import sys
import warnings

from benchmarks.apart import peak


def ours(where: dict[str, str]) -> int:
    """The command, as its user calls it."""
    from genesys_certs import app  # noqa: PLC0415  # either side loads its own modules alone

    sys.argv = ["genesys-certs", "check", "--genesys-region", where["region"], "--client-id", where["client"]]
    sys.argv += ["--api-url", where["url"], "--login-url", where["url"], "--ca-file", where["ca_file"]]
    sys.argv += ["--root", where["root"], "--digicert-roots", where["digicert"]]
    try:
        app.run()
    except SystemExit as end:
        return int(str(end.code or 0))
    return 0


def sdk(where: dict[str, str]) -> int:
    """The same with the official SDK."""
    warnings.simplefilter("ignore")
    import PureCloudPlatformClientV2  # noqa: PLC0415
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    configuration = PureCloudPlatformClientV2.Configuration()
    configuration.live_reload_config = False
    configuration.ssl_ca_cert = where["ca_file"]
    client = PureCloudPlatformClientV2.api_client.ApiClient(host=where["url"])
    client.get_client_credentials_token(where["client"], os.environ["GENESYS_CLIENT_SECRET"])
    api = PureCloudPlatformClientV2.IntegrationsApi(client)
    for status in ("Current", "Upcoming"):
        for entity in api.get_integrations_actions_certificates(status=status, type="Client").entities:
            for one in x509.load_pem_x509_certificates(entity.certificate.encode()):
                names = one.subject.rfc4514_string(), one.issuer.rfc4514_string()
                print(entity.signing_authority, status, names, one.not_valid_after_utc, one.fingerprint(SHA256()).hex())
    return 0


def main() -> int:
    """Run one, and print."""
    which, where = sys.argv[1:]
    code = {"ours": ours, "sdk": sdk}[which](json.loads(where))
    print(peak())
    return code


if __name__ == "__main__":
    sys.exit(main())
