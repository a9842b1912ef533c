package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

// Reads cases on standard input and prints what IsGenuine says of each.
func main() {
	var cases []struct {
		Secret, Body string
		Headers      map[string]string
		Now          int64
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	for _, one := range cases {
		header := http.Header{}
		for name, value := range one.Headers {
			header.Set(name, value)
		}
		fmt.Println(IsGenuine(one.Secret, header, []byte(one.Body), time.Unix(one.Now, 0)))
	}
}
