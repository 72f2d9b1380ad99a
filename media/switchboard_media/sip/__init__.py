"""SIP of RFC 3261 over UDP, without sockets or clocks.

`message` turns datagrams into requests and responses, `headers` and `uri` read their parts,
`responses` and `dialog` write new ones, `transactions` decides what is sent again and when,
`digest` proves who calls.
"""
