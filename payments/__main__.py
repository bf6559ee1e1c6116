"""`tranche payments <act>`: collect what is due, take payments, pay merchants and refunds, reconcile, list breaks."""

from payments.commands import break_desk, closing, collection, merchants, notices, reading, reconciliation, refunds
from terminal.command_line import run, stage

app = stage("Collect what is due, pay merchants and refunds, reconcile outside files, list breaks.")

app.command()(collection.collect)
app.command()(collection.pay)
app.command("pay-merchants")(merchants.pay_merchants)
app.command("pay-refunds")(refunds.pay_refunds)
app.command()(refunds.refund)
app.command()(notices.disputes)
app.command()(notices.recoveries)
app.command()(merchants.ship)
app.command()(reconciliation.reconcile)
app.command()(reading.read)
app.add_typer(break_desk.app, name="breaks")
app.command("audit-breaks")(closing.audit_breaks)
app.command("month-end")(closing.month_end)
app.command("open-items")(reconciliation.open_items)

if __name__ == "__main__":
    raise SystemExit(run(app, "tranche payments"))
