//go:build never

package main

import (
	_ "github.com/hashicorp/mdns"
	_ "github.com/hashicorp/memberlist"
)
