# The stack itself stays CloudFormation's: what Terraform keeps of it are its parameters and outputs.

data "aws_s3_bucket" "release" {
  bucket = var.code_bucket
}

resource "aws_cloudformation_stack" "watcher" {
  name         = var.name
  template_url = "https://${data.aws_s3_bucket.release.bucket_regional_domain_name}/${var.code_prefix}template.yaml"
  parameters   = local.parameters
  # Roles without names of their own, and the transform AWS::Serverless.
  capabilities      = ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM"]
  iam_role_arn      = var.iam_role_arn
  notification_arns = var.notification_arns
  tags              = var.tags
}
