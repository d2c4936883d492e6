# Releases that were downloaded into ./releases, each into a folder with its version, their bucket, and a watcher over one trust store of an ALB.

terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.31" # aws_lb_trust_store
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

locals {
  release = "genesys-certificate-watcher/0.1.0/"
}

resource "aws_s3_bucket" "releases" {
  bucket = "example-releases-eu-west-1"
}

# The release before stays beside the next one: if the update fails, CloudFormation takes its code back from there.
resource "aws_s3_object" "release" {
  for_each = fileset("${path.module}/releases", "*/*")

  bucket      = aws_s3_bucket.releases.bucket
  key         = "genesys-certificate-watcher/${each.value}"
  source      = "${path.module}/releases/${each.value}"
  source_hash = filesha256("${path.module}/releases/${each.value}")
}

resource "aws_lb_trust_store" "clients" {
  name                             = "genesys-clients"
  ca_certificates_bundle_s3_bucket = "example-truststores"
  ca_certificates_bundle_s3_key    = "clients.pem"

  lifecycle {
    # The watcher updates what the trust store holds (docs/terraform.md).
    ignore_changes = [
      ca_certificates_bundle_s3_bucket,
      ca_certificates_bundle_s3_key,
      ca_certificates_bundle_s3_object_version,
    ]
  }
}

module "watcher" {
  source = "../.."

  code_bucket     = aws_s3_bucket.releases.bucket
  code_prefix     = local.release
  genesys_region  = "eu-west-1"
  credential_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:genesys/oauth-AbCdEf"]
  target_arns     = [aws_lb_trust_store.clients.arn]
  alert_email     = "network@example.com"
  mode            = "observe"

  depends_on = [aws_s3_object.release]
}

output "alert_topic" {
  description = "Subscribe here for alerts."
  value       = module.watcher.topic_arn
}
