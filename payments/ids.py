"""The ids used in payments, each a type of its own, so that the type checker finds a mix-up."""

from typing import NewType

AttemptId = NewType("AttemptId", str)
"""One attempt to charge an instalment; also the idempotency key at the provider."""

RefundPaymentId = NewType("RefundPaymentId", str)
"""One payment of a refund; also its idempotency key at the provider and its reference on the bank statement."""

PayoutId = NewType("PayoutId", str)
"""A payout to a merchant; also its reference on the bank statement."""

ProviderPayoutId = NewType("ProviderPayoutId", str)
"""A provider's payout to us."""

CaseId = NewType("CaseId", str)
"""A charge-back or a late claim; for a claim also the reference on the bank statement."""
