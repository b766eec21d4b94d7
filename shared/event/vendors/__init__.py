"""One file per sender: its events flow in, what each says anew flows out. Each begins with its table: which members are
new words in which event, with the vendor's page as source. Pure. Touch one when its vendor sends something new.
"""
