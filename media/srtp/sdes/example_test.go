package sdes_test

import (
	"crypto/rand"
	"fmt"

	"github.com/class5-go/class5/media/srtp/sdes"
)

// A relay passes an offer on, with two suites only, and the answer back.
func Example() {
	offer, _ := sdes.ParseAll([]string{
		"1 AES_CM_128_HMAC_SHA1_80 inline:cJOJ7kxQjhFBp2fP6AYjs3vKw7CeBdWZCj0isbJv",
	})
	var policy sdes.Options
	policy.Set("only-AES_CM_128_HMAC_SHA1_80")
	policy.Set("only-AEAD_AES_256_GCM")

	var caller, callee sdes.Leg
	caller.Receive(offer, policy)
	if err := callee.Offer(&caller, policy, rand.Reader); err != nil {
		panic(err)
	}
	for _, a := range callee.Out {
		fmt.Println("offered:", a)
	}
	answer, _ := sdes.ParseAll([]string{
		"1 AES_CM_128_HMAC_SHA1_80 inline:dfgadgdfgdfgdfgd6AYjs3vKw7CeBdWZCj0isbJv",
	})
	callee.Receive(answer, policy)
	if err := caller.Answer(&callee, policy, rand.Reader); err != nil {
		panic(err)
	}
	fmt.Println("answered:", caller.Out[0].Format(false))
	fmt.Println("packets pass as they are:", sdes.SameKeys(caller.In[0], callee.Out[0]))
	// Output:
	// offered: 1 AES_CM_128_HMAC_SHA1_80
	// offered: 2 AEAD_AES_256_GCM
	// answered: 1 AES_CM_128_HMAC_SHA1_80 inline:dfgadgdfgdfgdfgd6AYjs3vKw7CeBdWZCj0isbJv
	// packets pass as they are: true
}
