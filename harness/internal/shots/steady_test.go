package shots

import (
	"encoding/json"
	"fmt"

	"github.com/chromedp/chromedp"
)

// What differs from run to run without a meaning, as JavaScript writes it, and what a
// picture shows of it.
var changing = [][2]string{
	{`\b\d\d:\d\d:\d\d\.\d{3}\b`, "10:20:30.400"},
	{`\b\d\d:\d\d:\d\d\b`, "10:20:30"},
	{`\b20\d\d-\d\d-\d\d\b`, "2030-01-31"},
	{`127\.0\.0\.1:\d{5}\b`, "127.0.0.1:17080"},
	{`token=AwY[\w%]{3}`, "token=AwYQcr"},
	{`\bin \d+(\.\d+)?m?s\b`, "in 2s"},
	{`\b\d+(\.\d+)? ?ms\b`, "40 ms"},
	{`\b\d+(\.\d+)?µs`, "500µs"},
	{`\b\d+(\.\d+)?s, seed`, "18.5s, seed"},
}

// steady changes the texts of a page so that a picture does not change needlessly.
func steady() chromedp.Action {
	list, err := json.Marshal(changing)
	if err != nil {
		panic(err) // strings
	}
	return chromedp.Evaluate(fmt.Sprintf(`(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (const [what, show] of %s) walker.currentNode.data = walker.currentNode.data.replace(new RegExp(what, 'g'), show);
  }
})()`, list), nil)
}
