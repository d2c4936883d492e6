# What concerns the stack as such. The template's own parameters are in parameters.tf.

variable "name" {
  description = "Name of the stack. The command genesys-certs looks for the default; with another one it needs --stack-name."
  type        = string
  default     = "genesys-certificate-watcher"
  nullable    = false
}

variable "iam_role_arn" {
  description = "ARN of the role with which CloudFormation makes the stack's resources. Null: your own permissions."
  type        = string
  default     = null
}

variable "notification_arns" {
  description = "ARNs of SNS topics that CloudFormation tells of each step of the stack."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "tags" {
  description = "Tags of the stack, which CloudFormation puts on its resources too."
  type        = map(string)
  default     = {}
  nullable    = false
}
