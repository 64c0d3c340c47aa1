// Package rerating prices stored calls anew by the tariffs that the directory
// has for their time now, and puts that into force.
//
// [Rerating.Rerate] without a plan writes nothing and tells what each account
// would pay; its answer names the plan. With that name it carries the plan out,
// if it would still be the same: what an operator has not seen is not done. The
// next generation of each record that differs is stored, and in the same
// transaction accounts get back what they paid, pay anew, and are counted for
// their limits. Calls that come meanwhile are stored beside it.
//
// A plan is carried out once: asked for again, it gives the same answer; one
// that was broken off goes on. Who did it and what came of it stays in the
// database ([directory.Reratings]).
package rerating
