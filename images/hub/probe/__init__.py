"""The health gate's throw-away student: signs in, starts a server, asks Juno, is answered once, or says why not.

`python3 -I -m probe`. It sees a hub from outside, as a student does, and shares no code with Juno or the hub.
"""
