"""What came in: a vendor's bytes and headers flow in; a verified, strictly parsed payload flows out, and of it the few
texts a model may read, who wrote them, and the amounts they state. Pure: no clock, no
setting, no socket. Touch it when a vendor sends something new or writes it another way.
"""
