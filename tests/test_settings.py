from server.settings import parser


def test_the_commands_are_those_of_the_server() -> None:
    told = parser().format_help()
    assert "serve" in told and "models" in told and "eval" not in told
