"""HTTP webhooks and topic `events` in, `AutomationTask` on the lane of its priority out."""
