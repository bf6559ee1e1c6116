"""Prints ledger/currencies.toml from the package iso4217: `python infra/currencies.py > ledger/currencies.toml`.

Codes without a smallest unit, such as gold and the code for tests, are no currency in which an amount can be owed.
"""

import iso4217

print(f"# The active currencies of ISO 4217 with a smallest unit, as published on {iso4217.__published__}, and their")
print("# number of decimals. Rendered by infra/currencies.py; do not edit.\n")
for currency in sorted(iso4217.Currency, key=lambda each: each.code):
    if currency.exponent is not None:
        print(f"{currency.code} = {currency.exponent}  # {currency.currency_name}")
