"""What the recorded tasks would cost in the cloud: usage of each task, dated prices, a month, and the alternatives."""
