# Made by scripts/terraform.py from template.yaml.

variable "code_bucket" {
  description = "Name of the S3 bucket, in the region of this stack, to which the files of the release were copied."
  type        = string
  nullable    = false
}

variable "code_prefix" {
  description = "Folder of the release in that bucket, with a slash at its end; empty if the files lie at the top."
  type        = string
  default     = "genesys-certificate-watcher/0.1.0/"
  nullable    = false
}

variable "genesys_region" {
  description = "AWS region name of your Genesys Cloud organisation, for example us-east-1 (Genesys Cloud Admin shows it; it need not be the region of this stack). Leave it empty only if you give watch_file_uri."
  type        = string
  default     = ""
  nullable    = false
}

variable "authorities" {
  description = "Who signs the certificates that your integrations present: Genesys, DigiCert or \"Genesys,DigiCert\". Choose Genesys if you can: a DigiCert truststore also admits that authority's other customers."
  type        = list(string)
  default     = ["Genesys"]
  nullable    = false
}

variable "credential_arns" {
  description = "ARN of the SSM SecureString parameter or Secrets Manager secret that holds {\"client_id\": \"...\", \"client_secret\": \"...\"} of an OAuth client (client credentials grant) whose role has integrations:actionCertificate:view. One in the simple case; all that the watch file names otherwise, separated by commas."
  type        = list(string)
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the customer-managed KMS key that encrypts these secrets. Empty if they use the keys aws/ssm and aws/secretsmanager."
  type        = string
  default     = ""
  nullable    = false
}

variable "target_arns" {
  description = "What to keep up to date, separated by commas, all in this stack's account and in its region (or one of region_bucket_arns): ARNs of trust stores (arn:…:elasticloadbalancing:…:truststore/…), of API Gateway custom domains (arn:…:apigateway:<region>::/domainnames/<name>) and, for their identity filters, of TLS listeners of Network Load Balancers (arn:…:elasticloadbalancing:…:listener/net/…); from any region also of CloudFront trust stores (arn:…:cloudfront::<account>:trust-store/<id>) and places for files in S3, for servers of your own (arn:…:s3:::<bucket>/<folder>/). Empty: only watch and send alerts."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "mode" {
  description = "observe reads, plans and sends alerts, and changes nothing. apply also updates the targets. Start with observe, read the first alerts, then deploy again with apply."
  type        = string
  default     = "observe"
  nullable    = false

  validation {
    condition     = contains(["observe", "apply"], var.mode)
    error_message = "mode must be one of: observe, apply."
  }
}

variable "adopt_object_arns" {
  description = "For API Gateway domains that have a truststore already: the ARNs of those S3 objects (arn:…:s3:::bucket/key), so that the certificates in them can be read and kept. Empty if mutual TLS is new there."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "file_bucket_arns" {
  description = "For places for files among target_arns: the ARNs of their buckets (arn:…:s3:::bucket), so that what lies there can be listed. Empty if there is none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "environment_name" {
  description = "What you call this environment, for example prod: it stands in the subject of every alert. Empty: the account's id stands there."
  type        = string
  default     = ""
  nullable    = false
}

variable "alert_email" {
  description = "Address for alerts. AWS sends a mail there that must be confirmed once, within 48 hours. Empty: subscribe to the topic yourself. An address changes its field in two deployments: out of one, then into the other; in one it is lost."
  type        = string
  default     = ""
  nullable    = false
}

variable "alert_email2" {
  description = "A second address for alerts, which must confirm too. Empty if there is none."
  type        = string
  default     = ""
  nullable    = false
}

variable "alert_email3" {
  description = "A third address for alerts, which must confirm too. Empty if there is none."
  type        = string
  default     = ""
  nullable    = false
}

variable "slack_secret_arn" {
  description = "ARN of the SSM SecureString parameter or Secrets Manager secret that holds the URL of a Slack incoming webhook. Empty: no Slack."
  type        = string
  default     = ""
  nullable    = false
}

variable "teams_secret_arn" {
  description = "ARN of the SSM SecureString parameter or Secrets Manager secret that holds the URL of a Microsoft Teams workflow that posts to a channel when a webhook request is received. Empty: no Teams."
  type        = string
  default     = ""
  nullable    = false
}

variable "amazon_qtopic" {
  description = "make-one: a second topic with alerts in the form of Amazon Q Developer in chat applications (formerly AWS Chatbot), which shows them in Slack or Microsoft Teams. none: no such topic."
  type        = string
  default     = "none"
  nullable    = false

  validation {
    condition     = contains(["none", "make-one"], var.amazon_qtopic)
    error_message = "amazon_qtopic must be one of: none, make-one."
  }
}

variable "alert_event_bus" {
  description = "Name of an EventBridge bus of this account and region that gets every alert as an event, for PagerDuty, Opsgenie and the like (docs/alerts-as-data.md); \"default\" is the account's own. Empty: none."
  type        = string
  default     = ""
  nullable    = false
}

variable "runbook_url" {
  description = "Where your people read docs/runbook.md (https://…, without #…): every alert links to its section there. Empty: alerts name the file."
  type        = string
  default     = ""
  nullable    = false
}

variable "watch_file_uri" {
  description = "s3://bucket/key of a watch file (YAML if it ends in .yaml or .yml, else JSON), for several Genesys Cloud regions, several bundles, groups of targets or other limits. It replaces genesys_region, authorities and mode; credential_arns must still name every secret that it names, and target_arns every target without tag (targets_by_tag) or role_arn, because they are what the functions are allowed to use."
  type        = string
  default     = ""
  nullable    = false
}

variable "watch_file_account" {
  description = "The account to which the bucket of watch_file_uri belongs, where it is not this one. A bucket of any other is not read: a name that was given up is anybody's."
  type        = string
  default     = ""
  nullable    = false
}

variable "targets_by_tag" {
  description = "For a fleet. yes: publish may also keep up to date what bears the tag genesys-certificate-watcher:stack with the name of this stack, and is in the watch file; target_arns need not list it. no: what target_arns lists, and nothing else."
  type        = string
  default     = "no"
  nullable    = false

  validation {
    condition     = contains(["no", "yes"], var.targets_by_tag)
    error_message = "targets_by_tag must be one of: no, yes."
  }
}

variable "target_role_arns" {
  description = "For targets of other accounts, which only a watch file can name: the ARNs of the roles there that publish takes on (accounts/target-role.yaml makes one), separated by commas. The roles must exist. Empty if there is none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "region_bucket_arns" {
  description = "For targets of other regions: the ARNs of the buckets from which they load (accounts/region-bucket.yaml makes one), separated by commas; the name of each ends with its region (arn:…:s3:::watcher-eu-west-1). Empty if there is none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "authorizer_bundle" {
  description = "Id of the bundle whose leaves a Lambda authorizer lets in (\"main\" without a watch file). It is made only if this is given; attach it to your APIs by the output AuthorizerArn, without caching. Empty: no authorizer; an API that still asks it answers everybody with 500."
  type        = string
  default     = ""
  nullable    = false
}

variable "authorizer_region" {
  description = "Of a bundle with several Genesys Cloud regions, the one whose leaves alone the authorizer lets in. Empty: all of them."
  type        = string
  default     = ""
  nullable    = false
}

variable "authorizer_answers" {
  description = "How HTTP APIs with payload format 2.0 are answered: simple where the API's authorizer has EnableSimpleResponses, iam where it has not. REST APIs and payload format 1.0 always get an IAM policy."
  type        = string
  default     = "simple"
  nullable    = false

  validation {
    condition     = contains(["simple", "iam"], var.authorizer_answers)
    error_message = "authorizer_answers must be one of: simple, iam."
  }
}

variable "operator_arns" {
  description = "ARNs of the IAM roles and users (arn:…:iam::…:role/… or :user/…) that alone may write anchors/, approvals/ and extra/, which decide what is trusted, and may restore what the functions keep. Empty: whoever IAM allows to write to the bucket may write these three, and only the functions may write what they keep."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "operator_mfa" {
  description = "yes: who writes to the bucket must have signed in with MFA, the functions excepted. A role's session counts only if the AssumeRole call itself carried the code, one of IAM Identity Center never does (docs/deploy.md). no: as IAM asks."
  type        = string
  default     = "no"
  nullable    = false

  validation {
    condition     = contains(["no", "yes"], var.operator_mfa)
    error_message = "operator_mfa must be one of: no, yes."
  }
}

variable "existing_bucket_name" {
  description = "Name of the bucket that stayed behind when a former stack was deleted: this one goes on with what it knew. Delete the bucket's policy first. Empty: the stack makes a bucket of its own."
  type        = string
  default     = ""
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary that your organisation asks of every role. What it does not allow the functions cannot do, whatever their roles say (docs/security/iam.md lists what they need). Empty if it asks for none."
  type        = string
  default     = ""
  nullable    = false
}

variable "role_path" {
  description = "Path of the roles, such as /platform/, where your organisation sorts or permits roles by it. It begins and ends with a slash. Other accounts and regional buckets know publish by its ARN, which has the path in it."
  type        = string
  default     = "/"
  nullable    = false
}

variable "own_alarm_topic_arn" {
  description = "ARN of an SNS topic that you have already, which gets every alarm too, beside AlertTopicArn and AlarmTopicArn. Its policy must let cloudwatch.amazonaws.com publish. Empty if there is none."
  type        = string
  default     = ""
  nullable    = false
}

variable "stack_kms_key_arn" {
  description = "ARN of a customer-managed KMS key of this region that encrypts what the stack keeps: bucket, topics, queues and logs. Its policy must say so first (accounts/data-key.yaml makes such a key; docs/keys.md). kms_key_arn is the key of the secrets. Empty: AWS's own encryption, which is none for topics."
  type        = string
  default     = ""
  nullable    = false
}

variable "bucket_kms_key_arn" {
  description = "ARN of another KMS key for the bucket, or none: no key of your own there. Empty: stack_kms_key_arn. With existing_bucket_name this is the key that the bucket has already; the stack does not change it."
  type        = string
  default     = ""
  nullable    = false
}

variable "topic_kms_key_arn" {
  description = "ARN of another KMS key for the SNS topics (alerts, alarms, Amazon Q), or none: no key of your own there. Empty: stack_kms_key_arn."
  type        = string
  default     = ""
  nullable    = false
}

variable "queue_kms_key_arn" {
  description = "ARN of another KMS key for the SQS queues, the dead-letter queues among them, or none: no key of your own there. Empty: stack_kms_key_arn."
  type        = string
  default     = ""
  nullable    = false
}

variable "log_kms_key_arn" {
  description = "ARN of another KMS key for the log groups, or none: no key of your own there. Empty: stack_kms_key_arn."
  type        = string
  default     = ""
  nullable    = false
}

variable "former_kms_key_arns" {
  description = "After a change of the bucket's or the queues' key, or back to none: the ARNs of the keys of before, separated by commas, so that what lies under them can still be read. Empty if there was none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "read_kms_key_arns" {
  description = "Where the bucket of watch_file_uri or of adopt_object_arns is under KMS keys of your own, their ARNs, separated by commas. Each key's policy must let IAM of this account decide, or name the roles (docs/keys.md). Empty if there is none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "file_bucket_kms_key_arns" {
  description = "Where buckets of file_bucket_arns are under KMS keys of your own, their ARNs, separated by commas. Each key's policy must let IAM of this account decide, or name the role PublishRoleArn (docs/keys.md). Empty if there is none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets whose way out is a NAT gateway with an address that your organisation allows, separated by commas. The functions collect and refresh_crls then run there (functions_in_vpc: or all). Empty: no VPC."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "security_group_ids" {
  description = "Security groups for these functions in these subnets, separated by commas; they must let HTTPS (443) out, and HTTP (80) for revocation lists. Needed with subnet_ids, empty without."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "functions_in_vpc" {
  description = "With subnet_ids. asking-outside: collect and refresh_crls alone, which need a known address. all: every function, which then reaches AWS through your VPC's endpoints or NAT gateway (docs/vpc.md lists what each needs)."
  type        = string
  default     = "asking-outside"
  nullable    = false

  validation {
    condition     = contains(["asking-outside", "all"], var.functions_in_vpc)
    error_message = "functions_in_vpc must be one of: asking-outside, all."
  }
}

variable "fips_endpoints" {
  description = "yes: the functions ask AWS's FIPS endpoints. Not every region has one of each service (docs/security/partitions-and-quotas.md): ask each once before you say so."
  type        = string
  default     = "no"
  nullable    = false

  validation {
    condition     = contains(["no", "yes"], var.fips_endpoints)
    error_message = "fips_endpoints must be one of: no, yes."
  }
}

variable "collect_schedule" {
  description = "EventBridge Scheduler expression, rate(…) or cron(…). Two runs must be less than silence_hours apart, else the first run refuses the configuration and says so."
  type        = string
  default     = "rate(15 minutes)"
  nullable    = false
}

variable "publish_schedule" {
  description = "EventBridge Scheduler expression. Changes at Genesys Cloud reach the targets at once, and what others change at them is checked at once where the account has a CloudTrail trail; this schedule finds everything else, and resumes what had to wait."
  type        = string
  default     = "rate(15 minutes)"
  nullable    = false
}

variable "refresh_crls_schedule" {
  description = "EventBridge Scheduler expression: how often the revocation lists that the certificates name are fetched. At least every few hours: after six without a run an alarm is raised."
  type        = string
  default     = "rate(60 minutes)"
  nullable    = false
}

variable "silence_hours" {
  description = "After so many whole hours in which a source was not read, no run of collect ended, or no target was served, an alarm is raised. It must be longer than the time between two runs."
  type        = number
  default     = 2
  nullable    = false
}

variable "dashboard" {
  description = "Whether a CloudWatch dashboard is made: days left, outcomes, refusals, targets out of step, errors, queue. The first three of an account are free, each further one is 3 USD a month."
  type        = string
  default     = "yes"
  nullable    = false

  validation {
    condition     = contains(["yes", "no"], var.dashboard)
    error_message = "dashboard must be one of: yes, no."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the functions' logs."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of: 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "keep_logs" {
  description = "yes: the logs stay when the stack is deleted, until log_retention_days has passed. Choose it at the first deployment: switching it deletes what was logged under \"no\" before. no: they go with the stack."
  type        = string
  default     = "no"
  nullable    = false

  validation {
    condition     = contains(["no", "yes"], var.keep_logs)
    error_message = "keep_logs must be one of: no, yes."
  }
}

variable "log_level" {
  description = "DEBUG also logs every decision; no level logs secrets."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO"], var.log_level)
    error_message = "log_level must be one of: DEBUG, INFO."
  }
}

variable "tracing" {
  description = "yes: AWS X-Ray traces every run, to see where its time goes; 5 USD for each million runs, a stack makes 15,000 a month."
  type        = string
  default     = "no"
  nullable    = false

  validation {
    condition     = contains(["no", "yes"], var.tracing)
    error_message = "tracing must be one of: no, yes."
  }
}

locals {
  # What CloudFormation gets: texts, lists with commas between their members.
  parameters = {
    CodeBucket             = var.code_bucket
    CodePrefix             = var.code_prefix
    GenesysRegion          = var.genesys_region
    Authorities            = join(",", var.authorities)
    CredentialArns         = join(",", var.credential_arns)
    KmsKeyArn              = var.kms_key_arn
    TargetArns             = join(",", var.target_arns)
    Mode                   = var.mode
    AdoptObjectArns        = join(",", var.adopt_object_arns)
    FileBucketArns         = join(",", var.file_bucket_arns)
    EnvironmentName        = var.environment_name
    AlertEmail             = var.alert_email
    AlertEmail2            = var.alert_email2
    AlertEmail3            = var.alert_email3
    SlackSecretArn         = var.slack_secret_arn
    TeamsSecretArn         = var.teams_secret_arn
    AmazonQTopic           = var.amazon_qtopic
    AlertEventBus          = var.alert_event_bus
    RunbookUrl             = var.runbook_url
    WatchFileUri           = var.watch_file_uri
    WatchFileAccount       = var.watch_file_account
    TargetsByTag           = var.targets_by_tag
    TargetRoleArns         = join(",", var.target_role_arns)
    RegionBucketArns       = join(",", var.region_bucket_arns)
    AuthorizerBundle       = var.authorizer_bundle
    AuthorizerRegion       = var.authorizer_region
    AuthorizerAnswers      = var.authorizer_answers
    OperatorArns           = join(",", var.operator_arns)
    OperatorMfa            = var.operator_mfa
    ExistingBucketName     = var.existing_bucket_name
    PermissionsBoundaryArn = var.permissions_boundary_arn
    RolePath               = var.role_path
    OwnAlarmTopicArn       = var.own_alarm_topic_arn
    StackKmsKeyArn         = var.stack_kms_key_arn
    BucketKmsKeyArn        = var.bucket_kms_key_arn
    TopicKmsKeyArn         = var.topic_kms_key_arn
    QueueKmsKeyArn         = var.queue_kms_key_arn
    LogKmsKeyArn           = var.log_kms_key_arn
    FormerKmsKeyArns       = join(",", var.former_kms_key_arns)
    ReadKmsKeyArns         = join(",", var.read_kms_key_arns)
    FileBucketKmsKeyArns   = join(",", var.file_bucket_kms_key_arns)
    SubnetIds              = join(",", var.subnet_ids)
    SecurityGroupIds       = join(",", var.security_group_ids)
    FunctionsInVpc         = var.functions_in_vpc
    FipsEndpoints          = var.fips_endpoints
    CollectSchedule        = var.collect_schedule
    PublishSchedule        = var.publish_schedule
    RefreshCrlsSchedule    = var.refresh_crls_schedule
    SilenceHours           = tostring(var.silence_hours)
    Dashboard              = var.dashboard
    LogRetentionDays       = tostring(var.log_retention_days)
    KeepLogs               = var.keep_logs
    LogLevel               = var.log_level
    Tracing                = var.tracing
  }
}
