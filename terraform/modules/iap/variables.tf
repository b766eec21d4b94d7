variable "name" {
  description = "Prefix of everything here."
  type        = string
}

variable "service" {
  description = "Name of the Cloud Run service in front of which this stands."
  type        = string
}

variable "region" {
  description = "The service's region."
  type        = string
}

variable "project_number" {
  description = "The project's number, a part of the audience."
  type        = string
}

variable "domain" {
  description = "Host name that people type; its A record must point at the output `address`."
  type        = string
}

variable "members" {
  description = "IAM members that are let through."
  type        = set(string)
}

variable "programmatic_clients" {
  description = "Ids of OAuth clients through which people sign in at a terminal."
  type        = set(string)
}
