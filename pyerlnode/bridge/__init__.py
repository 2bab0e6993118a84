"""Bridges from processes to what is no node: MQTT, and libraries of Elixir's with a protocol of their own."""
