package main

import "embed"

// files is what the binary carries besides its code.
//
//go:embed web/templates web/static web/api
var files embed.FS

//go:embed config.example.toml
var exampleConfig string

//go:embed packaging/snug.service
var unitFile string
