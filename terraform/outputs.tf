# Made by scripts/terraform.py from template.yaml.

output "version" {
  description = "The release of the watcher that this stack runs"
  value       = aws_cloudformation_stack.watcher.outputs["Version"]
}

output "bucket_name" {
  description = "Holds what the watcher has recorded and the operator's files (anchors, approvals, extra certificates)"
  value       = aws_cloudformation_stack.watcher.outputs["BucketName"]
}

output "publish_role_arn" {
  description = "For accounts/target-role.yaml and accounts/region-bucket.yaml, where there are targets in other accounts or regions"
  value       = aws_cloudformation_stack.watcher.outputs["PublishRoleArn"]
}

output "topic_arn" {
  description = "Subscribe here for alerts and alarms; with a filter policy, subscribe to AlarmTopicArn too"
  value       = aws_cloudformation_stack.watcher.outputs["TopicArn"]
}

output "alarm_topic_arn" {
  description = "Alarms alone, for whoever filters the alerts of TopicArn; alarms have no attributes that a filter could match"
  value       = aws_cloudformation_stack.watcher.outputs["AlarmTopicArn"]
}

output "amazon_qtopic_arn" {
  description = "Choose this topic and AlarmTopicArn in the channel's configuration of Amazon Q Developer in chat applications"
  value       = lookup(aws_cloudformation_stack.watcher.outputs, "AmazonQTopicArn", null)
}

output "file_events_command" {
  description = "Has the bucket of the former stack tell this one who writes what decides whom to trust"
  value       = lookup(aws_cloudformation_stack.watcher.outputs, "FileEventsCommand", null)
}

output "upload_root_command" {
  description = "First, upload the root that you trust (the region's root from the Genesys Cloud Resource Center)"
  value       = aws_cloudformation_stack.watcher.outputs["UploadRootCommand"]
}

output "collect_now_command" {
  description = "Then read Genesys Cloud now"
  value       = aws_cloudformation_stack.watcher.outputs["CollectNowCommand"]
}

output "publish_dry_run_command" {
  description = "Then see what would change at the targets"
  value       = aws_cloudformation_stack.watcher.outputs["PublishDryRunCommand"]
}

output "status_page_command" {
  description = "Brings the status page here, to be opened in a browser"
  value       = aws_cloudformation_stack.watcher.outputs["StatusPageCommand"]
}

output "approve_command" {
  description = "Approves one quarantined certificate; the alert gives its SHA-256 and what the file holds"
  value       = aws_cloudformation_stack.watcher.outputs["ApproveCommand"]
}

output "authorizer_arn" {
  description = "The Lambda authorizer that your APIs attach, without caching (docs/doors.md)"
  value       = lookup(aws_cloudformation_stack.watcher.outputs, "AuthorizerArn", null)
}
