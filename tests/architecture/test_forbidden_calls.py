"""What no module may do, or only the one whose job it is: read from the syntax trees, so that no path is missed."""

import ast

from source_tree import calls, dotted_name, imported_roots, modules

MODULES = modules()

PRINTERS = ("output.py",)
ANNOUNCERS = ("demo/authority.py", "demo/server.py")
"""Processes of their own, whose stdout tells the process that started them where they listen."""

REVEALERS = (
    "model.py",
    "output.py",
    "protocol/authorization.py",  # the state into the URL, the verifier into its digest
    "protocol/client_auth.py",
    "protocol/dpop.py",  # a token beside its proof, and its digest in there
    "protocol/id_jag.py",  # when the assertion ends
    "protocol/jwt.py",
    "protocol/text.py",  # looked for in what is about to be shown, and masked
    "renewal.py",  # the fingerprint of a refresh token
    "hosts/programs.py",  # a program's environment
    "http/",
    "stores/",
    "cli/plain.py",
)
"""Where a secret's bytes leave for the wire, the vault, a digest or, on request, the person. Lengthen it with reluctance."""

SHELLS = {"os.popen", "os.system", "subprocess.getoutput", "subprocess.getstatusoutput"}

PURE = ("errors.py", "model.py", "ports.py", "protocol/")
INNER = (*PURE, "renewal.py", "breaker.py", "source.py", "source/", "login.py", "login/", "doctor.py", "doctor/")
WORLD = {
    "click",
    "h11",
    "http",
    "httpx",
    "httpx2",
    "keyring",
    "platformdirs",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tomlkit",
    "webbrowser",
}


def named(names: set[str], *, but_in: tuple[str, ...] = ()) -> list[str]:
    """`path:line name` of each call of one of `names`."""
    return [
        f"{module.path}:{call.lineno} {dotted_name(call.func)}"
        for module in MODULES
        if not module.is_in(but_in)
        for call in calls(module.tree)
        if dotted_name(call.func) in names
    ]


def test_only_the_output_module_prints() -> None:
    assert named({"print", "pprint.pprint", "click.echo", "click.secho"}, but_in=PRINTERS) == []
    assert named({"sys.stdout.write", "sys.stderr.write"}, but_in=(*PRINTERS, *ANNOUNCERS)) == []


def test_what_the_output_module_writes_was_escaped_there() -> None:
    """TH1: its own sequences are constants; what came as a value is shown escaped, or goes to the clipboard as base64."""
    output = next(module for module in MODULES if module.path == "output.py")
    written = [call.args[1] for call in calls(output.tree) if dotted_name(call.func) == "_write"]
    writers = [
        call for call in calls(output.tree) if isinstance(call.func, ast.Attribute) and call.func.attr in ("write", "writelines")
    ]

    assert len(written) > 5
    assert [name for text in written for name in unescaped(text)] == []
    assert len(writers) == 1


def unescaped(text: ast.AST) -> list[str]:
    """The variables of an expression that `_show` has not escaped."""
    match text:
        case ast.Call(func=ast.Name(id="_show" | "b64encode")):
            return []
        case ast.Call(func=ast.Name(id="_fit"), args=[shown, *_]):
            return unescaped(shown)
        case ast.Name(id=name):
            return [name]
        case _:
            return [name for child in ast.iter_child_nodes(text) for name in unescaped(child)]


def test_no_file_is_opened_by_the_bare_builtin() -> None:
    """TG2 to TG4: what the vault opens is opened by `os.open` with its flags, or by a Path whose place is known to be safe."""
    assert named({"open", "io.open", "codecs.open", "tempfile.mktemp"}) == []


def test_nothing_runs_through_a_shell() -> None:
    """A-126, TC2."""
    shells = [
        f"{module.path}:{call.lineno}"
        for module in MODULES
        for call in calls(module.tree)
        for keyword in call.keywords
        if keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
    ]

    assert shells == []
    assert named(SHELLS) == []


def test_a_secret_is_revealed_only_where_it_leaves() -> None:
    """A-101, TH5."""
    revealed = [
        f"{module.path}:{call.lineno}"
        for module in MODULES
        if not module.is_in(REVEALERS)
        for call in calls(module.tree)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "reveal"
    ]

    assert revealed == []


def test_the_inner_code_reaches_the_world_through_ports_alone() -> None:
    reached = {module.path: imported_roots(module) & WORLD for module in MODULES if module.is_in(INNER)}

    assert reached
    assert {path: roots for path, roots in reached.items() if roots} == {}


def test_work_in_the_background_is_begun_by_whoever_does_it() -> None:
    """A coroutine that is made and never awaited complains of it on the person's terminal."""
    begun = [
        f"{module.path}:{call.lineno}"
        for module in MODULES
        if not module.is_in(("tui/background.py",))
        for call in calls(module.tree)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "run_worker"
    ]

    assert begun == []
