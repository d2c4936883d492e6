"""What every bench begins with: throwaway certificates, a bucket of the run's own, and a first bundle in it."""

from typing import ClassVar

from genesys_certs.conformance.material import Material
from genesys_certs.conformance.workshop import Options, Place, Workshop


class BucketBench:
    """``first``: a good bundle of one root. ``placed``: what was put there last."""

    file: ClassVar[str] = "bundle.pem"
    """The key of its bundles."""

    def __init__(self, workshop: Workshop, options: Options) -> None:
        self.workshop, self.options, self.services = workshop, options, workshop.services
        self.material = Material(self.services.now())
        self.bucket = workshop.bucket()
        self.first = self.put(self.material.root().pem)

    def put(self, content: bytes, key: str = "") -> Place:
        """An object in the run's bucket; no key: a bundle."""
        self.placed = self.workshop.put(self.bucket, key or self.file, content)
        return self.placed

    def forget(self) -> None:
        """Delete the version that was put there last."""
        self.workshop.client("s3").delete_object(
            Bucket=self.placed.bucket, Key=self.placed.key, VersionId=self.placed.version
        )
