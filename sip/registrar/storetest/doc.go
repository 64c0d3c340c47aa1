// Package storetest holds the tests that every [registrar.Store] must pass.
// A store's own tests call [Run] with a function that makes an empty one.
package storetest
