// Pins the releases whose CustomResourceDefinitions live tests apply. Apart from the servers, so as not to move their dependencies.
module sc39.test/servers/crds

go 1.26.0

require (
	istio.io/api v1.31.1
	sigs.k8s.io/gateway-api v1.6.3
)
