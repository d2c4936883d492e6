"""Places for files: a folder of somebody's S3 bucket, with the set of files that ``file_sets`` describes.

S3 changes one object at a time. So the manifest is written last, and what it names is in force: a run that dies before
leaves the former set in force, whose versions stay readable. Each object is written only over the one that was read
(If-Match), and carries a mark that says which version of the bundle was in force then: an object with the mark that no
manifest names is what such a run has left, and nobody's change.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher import file_sets, keys
from rotation_watcher.adapters.aws_errors import SdkError, code, translate
from rotation_watcher.arns import parse_target
from rotation_watcher.errors import UNDECODABLE, BundleRejected, NewerFormat, TargetBusy, TargetError, TargetNotFound
from rotation_watcher.file_sets import BUNDLE, MANIFEST, SUMS, Entry, Manifest, sha256
from rotation_watcher.kinds import FILE_PLACE
from rotation_watcher.ports import UNKNOWN, BundleObject, Live
from rotation_watcher.x509.truststore import read as read_truststore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_BUNDLE = 5_000_000
"""The most bytes of a bundle or manifest that are read."""
MOST_BESIDE = 256 * 1024 * 1024
"""The same of a file beside it, which is read back when it was written: revocation lists may be long."""
MARK = "genesys-watcher-in-force"
"""The metadata of what the watcher writes: the version of the bundle that was in force then, or ``none``."""
_NONE = "none"
_LOST = {"PreconditionFailed", "412", "ConditionalRequestConflict", "OperationAborted", "409", "NoSuchKey", "404"}
_ABSENT = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "InvalidArgument"}
"""A version id that S3 has not given out may be refused as an argument."""


class _Object(msgspec.Struct, frozen=True):
    """An object that was read. ``mark`` is None on what the watcher did not write."""

    body: bytes
    etag: str
    version: str
    mark: str | None


class _Found(msgspec.Struct, frozen=True):
    """A place as it was read.

    ``etags``: of the newest version of each object. ``bundle`` and ``version``: the bundle in force (empty: there is
    none). ``unfinished``: what a run that died has left; ``altered``: what somebody else has changed.
    """

    manifest: Manifest | None
    etags: Mapping[str, str]
    bundle: bytes
    version: str
    unfinished: frozenset[str]
    altered: frozenset[str]

    def named(self, name: str) -> Entry | None:
        """The manifest's entry of a file."""
        return self.manifest.entry(name) if self.manifest else None

    def sound(self, name: str) -> Entry | None:
        """The same of a file that lies there as it was written."""
        return None if name in self.unfinished | self.altered else self.named(name)


class FilePlaces:
    """``ports.TrustTarget`` and ``CompanionTarget``; ``s3`` also reads what is to be deployed.

    ``owner``: the account to which each bucket must belong, or S3 refuses every call (None: to whatever account). The
    name of one that was deleted is anybody's.
    """

    def __init__(self, s3: "S3Client", *, owner: str | None = None) -> None:
        self._s3 = s3
        self._owner = owner
        self._last: dict[str, _Found] = {}
        """By ARN, what was found last."""

    def read(
        self,
        arn: str,
        known_endpoints: Sequence[str] = (),  # noqa: ARG002  # who reads the files is known to nobody
    ) -> Live:
        """See ``ports.TrustTarget``. The proof is by bytes: of the exact version that the manifest names.

        ``location`` and ``version`` are what the bundle is a copy of, where all lies as the manifest says; else the
        place itself.
        """
        found = self._find(arn)
        manifest = None if found.altered else found.manifest
        return Live(
            bundle=found.bundle,
            location=manifest.source if manifest else _uri(arn),
            version=manifest.source_version if manifest else None,
            etag=found.etags.get(BUNDLE),
            settled=True,
            warnings=(),
            endpoints=UNKNOWN,
            proof=FILE_PLACE.proof,
        )

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        """See ``ports.TrustTarget``."""
        if _place(arn)[0] == bundle.bucket:
            raise TargetError(f"cannot change {arn}: it is the stack's own bucket: name a place in another one")
        found = self._find(arn)
        if found.etags.get(BUNDLE) != expected:
            raise TargetBusy(f"cannot change {arn}: {BUNDLE} was changed since it was read")
        body = self._deployed(arn, bundle)
        contents = read_truststore(body)
        if not any(one.certificate for one in contents.blocks.values()):
            raise BundleRejected(f"cannot change {arn}: the bundle is empty")
        if contents.unsafe:
            raise BundleRejected(f"cannot change {arn}: {contents.unsafe[0].words}")
        kept = [one for name in file_sets.COMPANIONS if (one := found.named(name))]
        # The sums before the bundle: a bucket without versions is noticed before others' bundle is written over.
        sums = self._sums(arn, found, {BUNDLE: sha256(body), **{one.name: one.sha256 for one in kept}})
        entry = self._put(arn, BUNDLE, body, found)
        self._commit(arn, found, [*kept, sums, entry], bundle.uri, bundle.version)

    def companions(self, arn: str) -> Mapping[str, str] | None:
        """See ``ports.CompanionTarget``."""
        found = self._last.get(arn) or self._find(arn)
        if found.manifest is None:
            return None
        sound = (found.sound(name) for name in file_sets.COMPANIONS)
        return {one.name: one.sha256 for one in sound if one}

    def altered(self, arn: str) -> bool:
        """See ``ports.CompanionTarget``."""
        return bool((self._last.get(arn) or self._find(arn)).altered)

    def place(self, arn: str, files: Mapping[str, bytes]) -> None:
        """See ``ports.CompanionTarget``."""
        found = self._find(arn)
        manifest, entry = found.manifest, found.named(BUNDLE)
        if manifest is None or entry is None:
            raise TargetBusy(f"cannot change {arn}: its {MANIFEST} is gone since it was read")
        placed = [self._place(arn, name, body, found) for name, body in sorted(files.items())]
        sums = self._sums(arn, found, {one.name: one.sha256 for one in (*placed, entry)})
        self._commit(arn, found, [*placed, sums, entry], manifest.source, manifest.source_version)
        for one in placed:
            self._prove(arn, one)
        self._find(arn)

    def _place(self, arn: str, name: str, body: bytes, found: _Found) -> Entry:
        there = found.sound(name)
        return there if there and there.sha256 == sha256(body) else self._put(arn, name, body, found)

    def _prove(self, arn: str, one: Entry) -> None:
        held = self._get(arn, one.name, one.version)
        if held is None or sha256(held.body) != one.sha256:
            raise TargetError(f"cannot change {arn}: {one.name} came back as something else than what was written")

    def _sums(self, arn: str, found: _Found, digests: Mapping[str, str]) -> Entry:
        return self._place(arn, SUMS, file_sets.sums(digests), found)

    def _commit(self, arn: str, found: _Found, entries: Sequence[Entry], source: str, version: str) -> None:
        """Put the manifest: from then on these files are in force."""
        manifest = Manifest(
            serial=found.manifest.serial + 1 if found.manifest else 1,
            source=source,
            source_version=version,
            files=tuple(entries),
        )
        self._put(arn, MANIFEST, file_sets.encode(manifest), found)

    def _put(self, arn: str, name: str, body: bytes, found: _Found) -> Entry:
        """Write over what was read, and nothing else. Raises TargetError."""
        bucket, folder = _place(arn)
        etag = found.etags.get(name)
        condition: Any = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            answer = self._s3.put_object(
                **self._owned(bucket),
                Key=folder + name,
                Body=body,
                ContentType=file_sets.TYPES[name],
                ChecksumAlgorithm="SHA256",
                Metadata={MARK: found.version or _NONE},
                **condition,
            )
        except (ClientError, BotoCoreError) as error:
            if code(error) in _LOST:
                raise TargetBusy(f"cannot change {arn}: {name} was changed since it was read") from error
            raise self._failed("write", arn, name, error) from error
        version = answer.get("VersionId")
        if not version or version == "null":
            raise TargetError(
                f"cannot change {arn}: the bucket {bucket} keeps no versions, so a reader could see half of a change:"
                " turn versioning on"
            )
        return Entry(name=name, version=version, size=len(body), sha256=sha256(body), etag=answer["ETag"].strip('"'))

    def _owned(self, bucket: str) -> Any:
        """The arguments that name the bucket, and whose it must be."""
        return {"Bucket": bucket} | ({"ExpectedBucketOwner": self._owner} if self._owner else {})

    def _failed(self, verb: str, arn: str, what: str, error: SdkError) -> TargetError:
        said = f"cannot {verb} {what} of {arn}"
        if code(error) == "NoSuchBucket":
            return TargetNotFound(f"{said}: there is no such bucket")
        if code(error) == "AccessDenied":
            whose = f", and {_place(arn)[0]} must belong to account {self._owner}" if self._owner else ""
            said += (
                f". TargetArns must name it, FileBucketArns its bucket{whose}"
                ". If the bucket is another account's, write that as bucket_account of this target in the watch file"
                " (docs/files.md); that one's policy must let this function's role in, and so must the KMS key that"
                " encrypts it"
            )
        return translate(said, error)

    def _find(self, arn: str) -> _Found:
        """What lies there now, and what of it is in force. Raises TargetError."""
        etags = self._etags(arn)
        manifest, strange = self._manifest(arn, etags)
        changed = frozenset(
            one.name for one in (manifest.files if manifest else ()) if etags.get(one.name) != f'"{one.etag}"'
        )
        entry = manifest.entry(BUNDLE) if manifest else None
        held = self._in_force(arn, etags, entry, sound=BUNDLE not in changed)
        if manifest and entry and BUNDLE not in changed and (held is None or held.version != entry.version):
            # The versions that it names are gone, though the same bytes lie there: somebody wrote them again.
            changed = frozenset(one.name for one in manifest.files)
        unfinished = frozenset(name for name in changed if name in etags and self._is_ours(arn, name, entry))
        altered = (changed - unfinished) | ({MANIFEST} if strange else frozenset())
        if held is not None and entry and BUNDLE not in changed and sha256(held.body) != entry.sha256:
            altered |= {BUNDLE}
        body, version = (held.body, held.version) if held else (b"", "")
        found = _Found(manifest, etags, body, version, unfinished, altered)
        self._last[arn] = found
        return found

    def _in_force(self, arn: str, etags: Mapping[str, str], entry: Entry | None, *, sound: bool) -> _Object | None:
        """The bundle that readers have: what the manifest names, but for what somebody else has put there since."""
        named = self._get(arn, BUNDLE, entry.version) if entry and (sound or BUNDLE not in etags) else None
        if named is not None or BUNDLE not in etags:
            return named
        newest = self._get(arn, BUNDLE)
        if newest is None or newest.mark is None or (entry and newest.mark != entry.version):
            return newest  # a copy of an earlier version carries that one's mark
        return self._get(arn, BUNDLE, newest.mark) if newest.mark != _NONE else None

    def _manifest(self, arn: str, etags: Mapping[str, str]) -> tuple[Manifest | None, bool]:
        """The manifest, and whether something else lies in its place. Raises TargetError."""
        stored = self._get(arn, MANIFEST) if MANIFEST in etags else None
        if stored is None:
            return None, False
        try:
            return file_sets.decode(stored.body), False
        except NewerFormat as error:
            raise TargetError(f"cannot read {arn}: its {MANIFEST} was {error}") from error
        except UNDECODABLE:
            return None, True

    def _etags(self, arn: str) -> dict[str, str]:
        """The ETags of the newest versions of what lies in the folder itself, by name."""
        bucket, folder = _place(arn)
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                **self._owned(bucket), Prefix=folder, Delimiter="/"
            )
            listed = {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}
        except (ClientError, BotoCoreError) as error:
            raise self._failed("list", arn, "its files", error) from error
        return {name: listed[folder + name] for name in file_sets.TYPES if folder + name in listed}

    def _is_ours(self, arn: str, name: str, entry: Entry | None) -> bool:
        """Whether a run of the watcher left it, while what the manifest names now was in force."""
        bucket, folder = _place(arn)
        try:
            answer = self._s3.head_object(**self._owned(bucket), Key=folder + name)
        except (ClientError, BotoCoreError) as error:
            if code(error) in _ABSENT:
                return False
            raise self._failed("read", arn, name, error) from error
        return entry is not None and answer.get("Metadata", {}).get(MARK) == entry.version

    def _get(self, arn: str, name: str, version: str | None = None) -> _Object | None:
        """An object; None where there is none. Raises TargetError."""
        bucket, folder = _place(arn)
        pinned: Any = {"VersionId": version} if version else {}
        try:
            answer = self._s3.get_object(**self._owned(bucket), Key=folder + name, **pinned)
            most = MAX_BUNDLE if name in {BUNDLE, MANIFEST} else MOST_BESIDE
            body = answer["Body"].read(most + 1)
        except (ClientError, BotoCoreError) as error:
            if code(error) in _ABSENT:
                return None
            raise self._failed("read", arn, name, error) from error
        if len(body) > most:
            raise TargetError(f"cannot read {name} of {arn}: it is larger than {most} bytes")
        return _Object(body, answer["ETag"], answer.get("VersionId", ""), answer.get("Metadata", {}).get(MARK))

    def _deployed(self, arn: str, bundle: BundleObject) -> bytes:
        """What is to be deployed. Raises TargetError."""
        try:
            answer = self._s3.get_object(Bucket=bundle.bucket, Key=bundle.key, VersionId=bundle.version)
            return answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise translate(f"cannot change {arn}: {bundle.uri} cannot be read", error) from error


def _place(arn: str) -> tuple[str, str]:
    """The bucket, and the folder with its slash."""
    bucket, _, folder = parse_target(arn).name.partition("/")
    return bucket, folder


def _uri(arn: str) -> str:
    place = keys.Place(*_place(arn))
    return f"s3://{place.bucket}/{place.key}"
