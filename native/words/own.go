package words

// What only this client says.
const (
	Elsewhere   = "This client has no `{command}`; the one in Python has: `python cmd/cli.py {command}`."
	NoCheckCode = "This client has no check code for the hostname {hostname}. Leave `--check` out, or use the client in Python: `python cmd/cli.py get_host_key --check`."
	IsURL       = "{source} is a URL."
)

var own = map[string]string{
	Elsewhere:   "本客户端没有 `{command}`，Python 客户端有：`python cmd/cli.py {command}`。",
	IsURL:       "{source} 是一个 URL。",
	NoCheckCode: "本客户端无法为主机名 {hostname} 生成校验码。请去掉 `--check`，或使用 Python 客户端：`python cmd/cli.py get_host_key --check`。",
}
