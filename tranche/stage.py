"""The stages of `tranche <stage> <act>`, which are listed without loading their modules."""

import importlib
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from terminal.command_line import Acts, command_of


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its name on the command line and its module, and one act if the name is an alias of that act."""

    name: str
    module: str
    meaning: str
    act: str | None = None
    works_on_profile: bool = True

    def command(self) -> TyperGroup | TyperCommand:
        """Load the stage."""
        module = importlib.import_module(self.module)
        app = getattr(module, "app", None)
        command = command_of(app if isinstance(app, typer.Typer) else _handed_on(module))
        if self.act is None:
            return command
        assert isinstance(command, TyperGroup)
        act = command.commands[self.act]
        assert isinstance(act, TyperCommand)
        return act


STAGES = (
    Stage("local", "tranche.local.commands", "PostgreSQL, AWS endpoint and provider on this machine", None, False),
    Stage("use", "tranche.local.use", "which world commands work on: demo, local or another", None, False),
    Stage("provision", "tranche.provisioning.provision", "bucket, stream and databases, where they are missing"),
    Stage("init", "tranche.provisioning.own_files", "a folder of your own policies, terms and roles", None, False),
    Stage("contracts", "data_contracts.__main__", "what every record means"),
    Stage("pipelines", "pipelines.__main__", "stream to lake to features"),
    Stage("features", "features.__main__", "what each feature is"),
    Stage("models", "models.__main__", "features to model"),
    Stage("lending", "lending.__main__", "decisions and plans"),
    Stage("policy", "serving.policy.commands", "what is lent to whom: rules, their tests and versions"),
    Stage("payments", "payments.__main__", "collection and reconciliation"),
    Stage("ledger", "ledger.__main__", "the books"),
    Stage("serving", "serving.__main__", "the decision API and replay"),
    Stage("serve", "serving.__main__", "the decision API: short for serving serve", "serve"),
    Stage("simulation", "simulation.__main__", "the world outside: shoppers, a provider, a bank"),
    Stage("clock", "tranche.local.clock", "the time that this runtime goes by"),
    Stage("demo", "tranche.demo.demo", "the whole path, once through", None, False),
    Stage("airflow", "tranche.local.airflow", "the path on a clock"),
    Stage("lab", "tranche.local.lab", "the notebooks in JupyterLab"),
    Stage("doctor", "tranche.doctor", "what this machine lacks or has wrong, and the cure", None, False),
)


class Stages(Acts):
    """All stages as one command, which loads only the stage that is used."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.stages = {stage.name: stage for stage in STAGES}
        self.commands = {
            stage.name: TyperCommand(stage.name, help=stage.meaning, rich_markup_mode=None) for stage in STAGES
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, known, rest = super().resolve_command(ctx, args)
        return name, None if known is None else self.stages[args[0]].command(), rest

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        from tranche.acts import help_text

        formatter.write(help_text())


def _handed_on(module: Any) -> typer.Typer:
    """The command line of a stage that parses its own arguments, including --help."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def handed_on(context: typer.Context) -> None:
        raise typer.Exit(module.main(context.args))

    return app
