"""The ids of payments, each of its own type, so that one is never taken for another."""

from typing import NewType

AttemptId = NewType("AttemptId", str)
"""One attempt to charge an instalment; the idempotency key at the provider."""

RefundPaymentId = NewType("RefundPaymentId", str)
"""One payment of a refund; its key at the provider, and its reference on the bank's statement."""

PayoutId = NewType("PayoutId", str)
"""A payout to a merchant; its reference on the bank's statement."""

ProviderPayoutId = NewType("ProviderPayoutId", str)
"""A provider's payout to us."""

CaseId = NewType("CaseId", str)
"""A charge-back or a late claim; of a claim the reference on the bank's statement."""
