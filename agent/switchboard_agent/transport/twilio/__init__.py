"""Calls over Twilio Media Streams: one WebSocket a call, JSON messages, 8 kHz mu-law."""
