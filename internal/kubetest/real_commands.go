package kubetest

// Files of a home.
const (
	caFile           = "ca.pem"
	certificateFile  = "server.pem"
	keyFile          = "server.key"
	accountsKeyFile  = "accounts.key"
	tokensFile       = "tokens.csv"
	kubeconfigFile   = "kubeconfig"
	kwokSettingsFile = "kwok.yaml"
	emptyLog         = "empty.log"
	podLogsDir       = "pod-logs"
)

func etcdCommand(in realInstall, c *realCluster) realCommand {
	client, peer := "http://"+c.ports.etcd.Address(), "http://"+c.ports.etcdPeer.Address()
	return realCommand{in.etcd, []string{
		"--name=etcd",
		"--data-dir=" + c.home.Path("etcd"),
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=etcd=" + peer,
		"--log-level=warn",
	}}
}

func apiServerCommand(in realInstall, c *realCluster) realCommand {
	return realCommand{in.path("kube-apiserver"), []string{
		"--etcd-servers=http://" + c.ports.etcd.Address(),
		"--bind-address=127.0.0.1", "--secure-port=" + c.ports.api.String(),
		// Nobody reaches it by the address that it gives to its own service, and loopback may not be one.
		"--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--cert-dir=" + c.home.Path(),
		"--tls-cert-file=" + c.home.Path(certificateFile), "--tls-private-key-file=" + c.home.Path(keyFile),
		"--kubelet-certificate-authority=" + c.home.Path(caFile), "--kubelet-preferred-address-types=InternalIP",
		"--token-auth-file=" + c.home.Path(tokensFile), "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.home.Path(accountsKeyFile),
		"--service-account-signing-key-file=" + c.home.Path(accountsKeyFile),
		// No controller makes the account that this plugin would ask of every pod.
		"--disable-admission-plugins=ServiceAccount",
		// Debian 12's etcd cannot do what lists as streams need, and clients would try them again and again; told by the
		// server that there are none, they list.
		"--feature-gates=WatchList=false",
		"--profiling=false",
	}}
}

func controllersCommand(in realInstall, c *realCluster) realCommand {
	return realCommand{in.path("kube-controller-manager"), []string{
		"--kubeconfig=" + c.home.Path(kubeconfigFile),
		"--controllers=deployment-controller,replicaset-controller,job-controller,horizontal-pod-autoscaler-controller," +
			"garbage-collector-controller,namespace-controller",
		"--leader-elect=false",
		"--secure-port=0", // it serves nothing
		"--kube-api-qps=500", "--kube-api-burst=1000",
		// An autoscaler looks so often that a test need not wait a quarter of a minute. There are no metrics: what it
		// does is to keep its bounds.
		"--horizontal-pod-autoscaler-sync-period=1s",
		"--profiling=false",
	}}
}

func kwokCommand(in realInstall, c *realCluster) realCommand {
	return realCommand{in.path("kwok"), []string{
		"--kubeconfig=" + c.home.Path(kubeconfigFile),
		"--config=" + in.path("stages.yaml"), "--config=" + c.home.Path(kwokSettingsFile),
		"--enable-crds=Logs",
		"--manage-all-nodes",
		"--node-ip=127.0.0.1", "--node-port=" + c.ports.kubelet.String(), "--server-address=" + c.ports.kubelet.Address(),
		"--tls-cert-file=" + c.home.Path(certificateFile), "--tls-private-key-file=" + c.home.Path(keyFile),
	}}
}

// kwokSettings makes containers silent of which nothing else has been said (see writeTimedLogs).
const kwokSettings = `apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata:
  name: silence
spec:
  logs:
  - logsFile: %q
`

// failingPod is the label, with the value "true", of pods that kwok makes fail a second or two after they began to run
// (its stage pod-container-running-failed). Other pods run on, and those of jobs succeed at once.
const failingPod = "pod-container-running-failed.stage.kwok.x-k8s.io"
