"""Subscriptions and notifications, from the outside."""
