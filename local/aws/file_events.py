"""What S3 tells of writes and deletions, as AWS words it: moto leaves out who, from where, and every delete marker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.s3 import notifications
from moto.s3.models import S3Backend

from local.aws.patching import patched
from rotation_watcher import keys

WHO = "AWS:AROAEMBEDDEDAWS00000:operator"
"""The principal of every request, as S3 names a role's session."""
ADDRESS = "127.0.0.1"


def tell(s3: Any, bucket: str, queue_arn: str) -> None:
    """Have the bucket tell that queue what is done below the folders of the operator's, as the template does."""
    configurations = [
        {
            "QueueArn": queue_arn,
            "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": folder}]}},
        }
        for folder in keys.DECIDING
    ]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": configurations}
    )


@contextmanager
def mended() -> Iterator[None]:
    """Have them complete for the length of the block."""
    usual_event: Any = notifications._get_s3_event  # noqa: SLF001  # moto has no other place
    usual_deletion: Any = S3Backend.delete_object

    def event(*args: Any, **more: Any) -> Any:
        message = usual_event(*args, **more)
        for record in message["Records"]:
            record["userIdentity"] = {"principalId": WHO}
            record["requestParameters"] = {"sourceIPAddress": ADDRESS}
        return message

    def delete_object(backend: Any, bucket_name: str, key_name: str, version_id: Any = None, **more: Any) -> Any:
        bucket = backend.get_bucket(bucket_name)
        before = bucket.keys.get(key_name)
        done = usual_deletion(backend, bucket_name, key_name, version_id, **more)
        if bucket.is_versioned and version_id is None and before is not None and hasattr(before, "etag"):
            marked = notifications.S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT
            notifications.send_event(backend.account_id, marked, bucket, before)
        return done

    notifications._get_s3_event = event  # noqa: SLF001
    try:
        with patched(S3Backend, {"delete_object": delete_object}):
            yield
    finally:
        notifications._get_s3_event = usual_event  # noqa: SLF001
