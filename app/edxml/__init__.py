"""The format: what an edXML message (QCVN 102:2016/BTTTT) says, whether it may say so, and how it is written.

Pure: no clock, no network, no database. Read `model` first, then `read`, `rules`, `attachments`, `write`.
"""
