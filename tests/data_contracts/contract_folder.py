"""Writes small folders of contracts: a sound one unless the test changes its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data_contracts.catalog import files
from data_contracts.released import record_release

TEXT = """\
apiVersion: v3.1.0
kind: DataContract
id: parcel
name: parcel
version: 1.0.0
status: active
description:
  purpose: A parcel was sent.
team:
  name: lake
schema:
  - name: parcel
    logicalType: object
    physicalType: table
    physicalName: raw.parcels
    properties:
      - name: event_id
        logicalType: string
        required: true
        primaryKey: true
        description: Identity of the fact.
        customProperties:
          - property: personalData
            value: none
      - name: event_type
        logicalType: string
        required: true
        description: Which contract this follows.
        quality:
          - metric: invalidValues
            mustBe: 0
            arguments:
              validValues: [parcel.v1]
        customProperties:
          - property: personalData
            value: none
      - name: shopper_id
        logicalType: string
        required: true
        description: Who gets it.
        logicalTypeOptions:
          pattern: "[a-z]{1,9}"
          maxLength: 9
        customProperties:
          - property: personalData
            value: pseudonymous
      - name: carrier
        logicalType: string
        required: false
        description: Who brings it.
        quality:
          - metric: invalidValues
            mustBe: 0
            arguments:
              validValues: [post, bike]
        customProperties:
          - property: personalData
            value: none
      - name: fee_minor
        logicalType: integer
        required: true
        description: What it costs.
        logicalTypeOptions:
          minimum: 0
          maximum: 1000
        customProperties:
          - property: personalData
            value: none
      - name: weight
        logicalType: number
        required: false
        description: Kilograms.
        logicalTypeOptions:
          minimum: 0.5
        customProperties:
          - property: personalData
            value: none
      - name: sent_on
        logicalType: date
        required: false
        description: The day it went.
        customProperties:
          - property: personalData
            value: none
      - name: came_on
        logicalType: date
        required: false
        description: The day it came.
        customProperties:
          - property: personalData
            value: none
    quality:
      - name: came_on.not_before
        description: It cannot come before it went.
        engine: tranche
        implementation:
          rule: not_before
          column: came_on
          earlier: sent_on
      - name: is_not_empty
        description: The table holds rows.
        metric: rowCount
        mustBeGreaterThan: 0
slaProperties:
  - property: retention
    value: 7
    unit: y
customProperties:
  - property: curatedTable
    value: curated.parcels
  - property: legalBasis
    value: contract
  - property: subjectColumn
    value: shopper_id
  - property: allowedUse
    value:
      - jurisdiction: GB
        uses: [reporting]
  - property: consumers
    value:
      - name: pipelines.curate
        toleratesNewValues: true
      - name: the courier
        toleratesNewValues: true
"""

SAMPLES: dict[str, Any] = {
    "valid": {
        "event_id": "p:1",
        "event_type": "parcel.v1",
        "shopper_id": "ann",
        "carrier": "bike",
        "fee_minor": 250,
        "weight": 1.5,
        "sent_on": "2026-01-05",
        "came_on": "2026-01-06",
    },
    "invalid": {
        "event_id.required": {"event_id": None},
        "event_type.required": {"event_type": None},
        "event_type.enum": {"event_type": "letter.v1"},
        "shopper_id.required": {"shopper_id": None},
        "shopper_id.pattern": {"shopper_id": "Ann"},
        "shopper_id.length": {"shopper_id": "abcdefghij"},
        "carrier.enum": {"carrier": "pigeon"},
        "fee_minor.required": {"fee_minor": None},
        "fee_minor.type": {"fee_minor": 2.5},
        "fee_minor.minimum": {"fee_minor": -1},
        "fee_minor.maximum": {"fee_minor": 1001},
        "weight.type": {"weight": "heavy"},
        "weight.minimum": {"weight": 0.25},
        "sent_on.type": {"sent_on": "2026-02-30"},
        "came_on.type": {"came_on": "soon"},
        "came_on.not_before": {"came_on": "2026-01-04"},
    },
}


def changed(*changes: tuple[str, str], text: str = TEXT) -> str:
    """The text with each first occurrence replaced; what is to be replaced must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def a_contract_file(folder: Path, text: str = TEXT, name: str = "v1.0.0.odcs.yaml", of: str = "parcel") -> Path:
    file = folder / "events" / of / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def a_contract_folder(folder: Path, samples: dict[str, Any] | None = None) -> Path:
    """A folder with the one sound contract, its samples and the record of its release."""
    a_contract_file(folder)
    write_samples(folder, samples or SAMPLES)
    record_all(folder)
    return folder


def write_samples(folder: Path, samples: dict[str, Any], of: str = "parcel") -> Path:
    file = folder / "samples" / f"{of}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(samples, indent=1), encoding="utf-8")
    return file


def record_all(folder: Path) -> None:
    for file in files(folder):
        record_release(file, folder)


def line_of(text: str, part: str) -> int:
    """The line on which that part of the text first stands."""
    return text[: text.index(part)].count("\n") + 1
