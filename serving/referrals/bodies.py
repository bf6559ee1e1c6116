"""The bodies of the routes of reviews."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lending.acts.arguments import LARGEST_MINOR_OF_AN_ACT
from lending.acts.perform import LONGEST_REASON
from lending.decision.decision import StatedMeans
from lending.referrals.case import AskedVerdict, CaseCause, ContestGround, ReviewState
from lending.terms.review_terms import ReviewVerdict
from serving.request_limits import PRINTABLE

Sentence = Annotated[str, Field(min_length=1, max_length=LONGEST_REASON, pattern=PRINTABLE)]
Word = Annotated[str, Field(min_length=1, max_length=60, pattern="^[A-Za-z0-9_-]+$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="of the document's bytes, in hexadecimal")]
Minor = Annotated[int, Field(ge=0, le=LARGEST_MINOR_OF_AN_ACT, description="in the currency's smallest unit")]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [values]})


class WhyBody(BaseModel):
    """Why something is done with a case."""

    model_config = _example(reason="next in the queue")

    reason: Sentence


class AskDocumentsBody(BaseModel):
    """Which documents a shopper is asked for, and why."""

    model_config = _example(kinds=["payslip", "bank_statement"], reason="the account shows no salary")

    kinds: Annotated[list[Word], Field(min_length=1, max_length=20)]
    reason: Sentence


class DocumentBody(BaseModel):
    """A document that came in. The document itself is kept elsewhere; the note has no personal data."""

    model_config = _example(kind="payslip", sha256="0" * 64, note="three months", reason="sent by the shopper")

    kind: Word
    sha256: Sha256
    note: Annotated[str, Field(max_length=200, pattern=PRINTABLE)] = ""
    reason: Sentence


class MeansBody(BaseModel):
    """Income and regular obligations elsewhere in a month, as the documents show them."""

    model_config = _example(income_minor=210_000, obligations_minor=95_000)

    income_minor: Minor
    obligations_minor: Minor


class VerdictBody(BaseModel):
    """A reviewer's verdict. An approval has an amount, in the currency of the order, up to what was asked for."""

    model_config = _example(
        verdict="approved",
        amount_minor=9_000,
        reasons=["HISTORY_SEEN", "RISK_ASSESSED", "MEANS_VERIFIED"],
        means={"income_minor": 210_000, "obligations_minor": 95_000},
        reason="salary and rent are on three statements",
    )

    verdict: Literal["approved", "declined"]
    reasons: Annotated[list[Word], Field(min_length=1, max_length=10, description="codes of the case's terms")]
    amount_minor: Annotated[int | None, Field(gt=0, le=LARGEST_MINOR_OF_AN_ACT)] = None
    means: MeansBody | None = None
    reason: Sentence

    def asked(self) -> AskedVerdict:
        means = None if self.means is None else StatedMeans(self.means.income_minor, self.means.obligations_minor)
        return AskedVerdict(ReviewVerdict(self.verdict), tuple(self.reasons), self.amount_minor, means)


class SecondLookBody(BaseModel):
    """Whether a second person agrees with a verdict, and why."""

    model_config = _example(agrees=True, reason="the statements say the same")

    agrees: bool
    reason: Sentence


class ContestBody(BaseModel):
    """What a shopper says against a decision. Their own words are a document of which only the digest is kept."""

    model_config = _example(ground="data_wrong", reason="the shopper called", statement_sha256="0" * 64)

    ground: Annotated[ContestGround, Field(strict=False)]
    reason: Sentence
    statement_sha256: Sha256 | None = None


class ReceivedBody(BaseModel):
    """A document of a case."""

    kind: str
    sha256: str
    note: str
    received_at: str


class CaseAnswer(BaseModel):
    """A case as it stands now."""

    model_config = ConfigDict(extra="forbid")

    case_id: str
    decision_id: str
    cause: CaseCause
    state: ReviewState
    queue: str
    triggers: list[str]
    merchant_id: str | None
    shopper_id: str
    amount_minor: int
    currency: str
    opened_at: str
    opened_by: str
    reason: str
    ground: ContestGround | None
    statement_sha256: str | None
    notice: str
    due_at: str
    overdue: bool
    holder: str | None
    documents_asked: list[str]
    documents: list[ReceivedBody]
    proposed_by: str | None
    verdict: ReviewVerdict | None
    outcome_id: str | None
    decided_at: str | None
    terms_version: str


class WholeCaseAnswer(CaseAnswer):
    """A case with what happened in it, and the documents and coded reasons that a reviewer may name."""

    events: list[dict[str, Any]]
    document_kinds: list[str]
    reasons: list[dict[str, Any]]


class CasesAnswer(BaseModel):
    """Undecided cases, those that are due first at the front. `next_cursor` leads to the next page, if there is one."""

    cases: list[CaseAnswer]
    next_cursor: str | None


class FiguresAnswer(BaseModel):
    """How the reviews that were opened in a time went, by queue and cause."""

    since: str
    until: str
    queues: list[dict[str, Any]]


class ReviewAnswer(BaseModel):
    """Where the review of a decision stands; `outcome_id` is the decision that came of it."""

    model_config = ConfigDict(extra="forbid")

    decision_id: str
    case_id: str
    cause: CaseCause
    state: ReviewState
    opened_at: str
    due_at: str
    overdue: bool
    documents_asked: list[str]
    notice: str
    outcome_id: str | None
    decided_at: str | None
