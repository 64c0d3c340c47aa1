// Package storetest is what every store of media sessions must pass: [Run].
package storetest
