"""The functions of OTP and Elixir that closures may call: a file per module, or per part of one."""
