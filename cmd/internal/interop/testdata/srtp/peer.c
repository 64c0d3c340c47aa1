/* A filter around libsrtp2: peer SUITE KEY-AND-SALT [clear-rtcp].
 * It reads lines "p HEX", "u HEX" (protect and unprotect RTP), "P HEX" and
 * "U HEX" (RTCP), and writes the result in hexadecimal or "error NUMBER". */
#include <stdio.h>
#include <string.h>
#include <srtp2/srtp.h>

struct suite {
	const char *name;
	void (*rtp)(srtp_crypto_policy_t *);
	void (*rtcp)(srtp_crypto_policy_t *);
};

static const struct suite suites[] = {
	{"AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth},
	{"AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth},
	{"AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
	{"AES_256_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
	{"AES_192_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
	{"AES_192_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80},
	{"AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default},
	{"AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtp_default},
	{"NULL_HMAC_SHA1_80", srtp_crypto_policy_set_null_cipher_hmac_sha1_80, srtp_crypto_policy_set_null_cipher_hmac_sha1_80},
};

static int unhex(const char *s, unsigned char *out, int max)
{
	int n = 0;
	unsigned v;
	while (n < max && sscanf(s, "%2x", &v) == 1) {
		out[n++] = v;
		s += 2;
	}
	return n;
}

static srtp_t session(const struct suite *s, unsigned char *key, srtp_ssrc_type_t type, int clear_rtcp)
{
	srtp_policy_t policy;
	srtp_t t;
	memset(&policy, 0, sizeof policy);
	s->rtp(&policy.rtp);
	s->rtcp(&policy.rtcp);
	if (clear_rtcp)
		policy.rtcp.sec_serv = sec_serv_auth;
	policy.ssrc.type = type;
	policy.key = key;
	policy.window_size = 128;
	return srtp_create(&t, &policy) == srtp_err_status_ok ? t : NULL;
}

int main(int argc, char **argv)
{
	static char line[16384];
	static unsigned char pkt[8192];
	unsigned char key[64] = {0};
	const struct suite *s = NULL;
	size_t i;
	srtp_t out, in;

	if (argc < 3 || srtp_init() != srtp_err_status_ok)
		return 2;
	for (i = 0; i < sizeof suites / sizeof *suites; i++)
		if (!strcmp(suites[i].name, argv[1]))
			s = &suites[i];
	if (!s)
		return 3;
	unhex(argv[2], key, sizeof key);
	out = session(s, key, ssrc_any_outbound, argc > 3);
	in = session(s, key, ssrc_any_inbound, argc > 3);
	if (!out || !in)
		return 4;
	while (fgets(line, sizeof line, stdin)) {
		int len = unhex(line + 2, pkt, sizeof pkt - SRTP_MAX_TRAILER_LEN - 4);
		srtp_err_status_t err = srtp_err_status_bad_param;
		switch (line[0]) {
		case 'p': err = srtp_protect(out, pkt, &len); break;
		case 'u': err = srtp_unprotect(in, pkt, &len); break;
		case 'P': err = srtp_protect_rtcp(out, pkt, &len); break;
		case 'U': err = srtp_unprotect_rtcp(in, pkt, &len); break;
		}
		if (err) {
			printf("error %d\n", err);
		} else {
			int j;
			for (j = 0; j < len; j++)
				printf("%02x", pkt[j]);
			putchar('\n');
		}
		fflush(stdout);
	}
	return 0;
}
