//go:build crds

// Package crds keeps the modules in go.mod whose CustomResourceDefinitions the tests apply. Nothing is compiled from them.
package crds

import (
	_ "istio.io/api/label"
	_ "sigs.k8s.io/gateway-api/pkg/consts"
)
