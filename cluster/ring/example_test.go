package ring_test

import (
	"fmt"

	"github.com/class5-go/class5/cluster/ring"
)

func Example() {
	three, err := ring.New(nil, []string{"vienna", "graz", "linz"}, []float64{2, 1, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	two, err := ring.New(nil, []string{"vienna", "graz"}, []float64{2, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range []string{"alice", "heidi", "ivan", "judy", "mallory", "oscar"} {
		fmt.Println(key, three.Name(three.PickString(key)), two.Name(two.PickString(key)))
	}
	// Output:
	// alice vienna vienna
	// heidi graz graz
	// ivan vienna vienna
	// judy graz graz
	// mallory vienna vienna
	// oscar graz graz
}
