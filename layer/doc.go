// Package layer passes messages between the parts of a program that know each other only by name.
package layer
