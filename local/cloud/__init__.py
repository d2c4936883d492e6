"""A deployed stack on this machine: MiniStack for what a stack is made of, the embedded AWS for what it updates.

MiniStack (PyPI) takes an unmodified ``sam deploy``, wakes functions by schedules and queues, and delivers SNS. It has
no trust stores and no mutual TLS for domains; calls to Elastic Load Balancing and API Gateway are therefore handed to
``local.aws``, which reads their bundles out of MiniStack's S3.
"""
