# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One applicant: history, score, reasons, replay
#
# This notebook reads the lake without a JVM, shows the bank history of one applicant, computes the score again with the
# model that was used for the decision, explains the score exactly, and replays the decision from its stored record.
#
# It needs a lake with decisions: `make demo KEEP=1` leaves one running, and `make lab` opens this notebook on it.

# %%
import json

import duckdb
import matplotlib.pyplot as plt
from features.catalog import feature
from features.postgres import PostgresVectors
from lending.terms import policy_file
from lending.decision.postgres import PostgresDecisions
from lending.decision.record import inputs_from_text
from models import artefact
from pipelines.lake.iceberg import IcebergTables
from pipelines.settings import Settings as LakeSettings
from serving import replay, scoring
from serving.postgres import serving_connection
from serving.settings import Settings as ServingSettings

plt.rcParams |= {"figure.figsize": (10, 3.6), "axes.spines.top": False, "axes.spines.right": False}
serving = ServingSettings.from_environment()
lake = IcebergTables(LakeSettings.from_environment())

# %% [markdown]
# ## The decision
#
# This picks the declined or referred decision whose reason has the largest contribution. Any other `decision_id` works.

# %%
with serving_connection(serving.database_url) as connection:
    decisions = list(PostgresDecisions(connection).all())


def heaviest(decision) -> float:
    reasons = json.loads(decision.answer)["reasons"]
    return max((reason["contribution"] or 0.0 for reason in reasons), default=-1.0)


decision = max(decisions, key=heaviest)
answer, inputs = json.loads(decision.answer), inputs_from_text(decision.inputs)
print(f"{len(decisions)} decisions; looking at {decision.decision_id} of {decision.decided_at:%d %B %Y}")
print(f"{answer['outcome']}: {answer['requested']['amount_minor'] / 100:,.2f} {answer['requested']['currency']} asked for")
for reason in answer["reasons"]:
    print(f"  {reason['rank']}. {reason['code']}: {reason['text']}")

# %% [markdown]
# ## The bank history known at the time
#
# The history is read at the snapshot from which the features were computed, and only with bank transactions that had
# happened and were recorded by then.

# %%
evidence = inputs.evidence
table = "curated.bank_transactions"
snapshot_id = evidence.snapshot_ids.get(table) or lake.newest(table).snapshot_id
columns = ["occurred_at", "recorded_at", "direction", "amount_minor", "balance_after_minor", "purpose"]
booked = lake.read(table, columns, snapshot_id=snapshot_id, equal={"account_id": decision.order.account_id})
as_of = evidence.as_of
history = duckdb.sql(
    f"""SELECT *, CASE direction WHEN 'credit' THEN amount_minor ELSE -amount_minor END / 100 AS signed
          FROM booked
         WHERE occurred_at < TIMESTAMPTZ '{as_of.isoformat()}' AND recorded_at <= TIMESTAMPTZ '{as_of.isoformat()}'
         ORDER BY occurred_at"""
).df()
print(f"{len(history)} bank transactions of account {decision.order.account_id} before {as_of:%d %B %Y}, snapshot {snapshot_id}")
assert len(history), "an applicant with a score has a history"

figure, axes = plt.subplots()
axes.step(history["occurred_at"], history["balance_after_minor"] / 100, where="post", color="#1f5f8b")
axes.axhline(0, color="#999999", linewidth=0.8)
axes.set_title(f"Balance of account {decision.order.account_id} until the decision")
plt.show()

# %%
by_purpose = duckdb.sql(
    "SELECT purpose, sum(signed) AS total, count(*) AS bookings FROM history GROUP BY purpose ORDER BY total"
).df()
figure, axes = plt.subplots()
axes.barh(by_purpose["purpose"], by_purpose["total"], color=["#b5442e" if total < 0 else "#2e7d4f" for total in by_purpose["total"]])
axes.set_title("What came in and what went out, by purpose")
plt.show()

# %% [markdown]
# ## The score, and each feature's exact contribution
#
# The champion is an additive model: its log-odds are those of the reference population plus one term for each feature.

# %%
model = artefact.load_model(serving.models_dir / inputs.model.digest)
with serving_connection(serving.database_url) as connection:
    served = PostgresVectors(connection).latest(evidence.entity_id, evidence.feature_set_digest, as_of)
assert served.values == evidence.values, "the served vector is the one that the decision read"

score = scoring.score(model, inputs.model, decision.order, evidence)
assert score.log_odds == answer["score"]["log_odds"] or answer["outcome"] == "approved_reduced"
print(f"model {model.name} {model.digest[:12]}, features {model.feature_set_digest[:12]}")
print(f"default probability {score.default_probability:.2%}, reference {artefact.probability(model.reference_log_odds):.2%}")

largest = sorted(score.contributions.items(), key=lambda item: abs(item[1]))[-12:]
figure, axes = plt.subplots(figsize=(10, 4.6))
axes.barh([name for name, _ in largest], [share for _, share in largest], color=["#b5442e" if share > 0 else "#2e7d4f" for _, share in largest])
axes.axvline(0, color="#999999", linewidth=0.8)
axes.set_title("What moved the log-odds of default, against the reference population")
plt.show()

for name, share in reversed(largest[-5:]):
    value = score.inputs[name]
    print(f"{share:+.3f}  {name} = {'unknown' if value is None else f'{value:,.2f}'} ({feature(name).meaning})")

# %% [markdown]
# ## What if
#
# If the feature that raised the risk most gets the reference population's value instead, the risk must fall.

# %%
raised = max(score.contributions, key=score.contributions.get)
cured = model.score(score.inputs | {raised: model.reference[raised]})
print(f"{raised} at the reference: {score.default_probability:.2%} becomes {cured.default_probability:.2%}")
assert cured.default_probability <= score.default_probability

# %% [markdown]
# ## Replay of the decision
#
# The decision is computed again from its stored record alone. The result is either the same bytes, or the cause of the
# difference: data, rule, model or code.

# %%
with serving_connection(serving.database_url) as connection:
    again = replay.replay_decision(connection, decision.decision_id, serving.models_dir, policy_file.load_policies())
print(type(again).__name__, again.decision_id)
assert isinstance(again, replay.Identical), again
assert again.answer == decision.answer
