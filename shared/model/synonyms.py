"""What people who write to support and operations desks call by several names: English words -> their group. Pure.

Ten examples of an intent never hold every word for it. One line is one group; a word stands in one group only.
"""

from __future__ import annotations

from collections.abc import Mapping

_GROUPS = """
lost lose losing misplaced misplace missing stolen steal stole theft thief robbed taken
freeze freezing frozen froze block blocked blocking lock locked hold suspend suspended pause paused disable disabled
close closing closed delete deleting deleted terminate terminated remove removed erase erased deactivate deactivated
cancel canceled cancelled canceling cancelling cancellation revoke revoked withdrawn
declined decline declining rejected reject rejection refused refuse denied deny failed fails fail failing bounced
package packages parcel parcels shipment shipments delivery deliveries order orders purchase purchases
ship shipped shipping dispatch dispatched deliver delivered send sent
arrive arrived arrives arriving received receive came come
track tracking trace locate whereabouts
password passwords passcode passcodes login logon credentials
forgot forgotten forget forgetting remember recall
address street home house residence location
move moved moving relocate relocated relocating relocation
change changing changed update updating updated modify edit correct alter amend switch
charge charged charges charging bill billed billing debit debited debits deducted fee fees
refund refunds refunded refunding refundable reimburse reimbursed reimbursement
return returned returning returnable returns
withdrawal withdrawals withdraw withdrew cash
payment payments transaction transactions pay paid paying
dispute disputing disputed contest challenge complain complaint
fraud fraudulent unauthorized unauthorised scam scammed hacked compromised suspicious unknown unrecognized
recognize recognise recognized recognised authorize authorized authorise authorised
twice double doubled duplicate duplicated
broken damaged defective faulty cracked broke
buy bought buying purchased ordered ordering
wrong incorrect mistake mistaken error erroneous
summary summarize summarise recap digest tldr overview condense
fast quick quickly soon urgent urgently asap immediately
bug crash crashes crashed crashing outage down
invoice invoices receipt receipts statement statements
subscription subscriptions plan plans membership memberships
invite add join access permission permissions
slow slowly laggy hangs hanging freezes
appointment appointments meeting meetings schedule reschedule booking reservation
upgrade upgrading downgrade downgrading
"""

GROUP_OF: Mapping[str, str] = {word: line.split()[0] for line in _GROUPS.strip().splitlines() for word in line.split()}
